"""The sandbox's database: one SQLite file, safe to use from many threads and from two processes."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any, cast

from sqlalchemy import Row, Select, create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoTurn
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, SingletonThreadPool

from .upgrade import create_or_upgrade

BUSY_TIMEOUT_SECONDS = 10
MOST_REMEMBERED = 1000


def _prepare(connection: SQLiteConnection, _entry: ConnectionPoolEntry) -> None:
    """Set the pragmas of a connection."""
    for pragma in (
        # First, because switching to WAL already has to wait for other processes.
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000:.0f}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the write lock at once for writers: upgrading a read transaction later fails instead of waiting."""
    mode = connection.get_execution_options().get("begin", "IMMEDIATE")
    if mode is None:
        return
    try:
        connection.exec_driver_sql(f"BEGIN {mode}")
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_BUSY":
            raise NoTurn("another process kept writing") from error
        raise


def _engine(path: Path, **pool: Any) -> Engine:
    arguments = {"isolation_level": None, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{path}", connect_args=arguments, **pool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


class _Lookups(threading.local):
    """What one thread has looked up, with a connection of its own: the event loop never waits for one."""

    def __init__(self) -> None:
        self._connection: SQLiteConnection | None = None
        self._version: object = None
        self._rows: dict[tuple[object, ...], Row[*tuple[Any, ...]] | None] = {}

    def rows(self, engine: Engine) -> dict[tuple[object, ...], Row[*tuple[Any, ...]] | None]:
        """Return the rows that still are as they were read, by query and parameters."""
        if self._connection is None:
            with engine.connect() as connection:
                self._connection = cast("SQLiteConnection", connection.connection.driver_connection)
        version = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(self._rows) >= MOST_REMEMBERED:
            self._version, self._rows = version, {}
        return self._rows


class Store:
    """Opens the database at `path`, creating or upgrading file and tables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = _engine(path, pool_size=10, max_overflow=50, pool_timeout=BUSY_TIMEOUT_SECONDS)
        create_or_upgrade(self.engine)
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        # SQLite's own waiting is a matter of luck: each tries again at times, and who has just written is the quickest.
        self._turn = threading.Lock()
        self._own = _engine(path, poolclass=SingletonThreadPool).execution_options(begin=None)
        self._lookups = _Lookups()
        readers = self.engine.execution_options(begin="DEFERRED")
        self._readers = sessionmaker(readers, expire_on_commit=False)

    @contextmanager
    def session(self) -> Generator[Session]:
        """Yield a session that may write; it commits at the end and rolls back on any exception.

        It holds SQLite's write lock all the time, so keep it short and without network calls. Raises `TimeoutError`
        of SQLAlchemy if it does not get its turn in time.
        """
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise NoTurn("other threads kept writing")
        try:
            with self._writers.begin() as session:
                session.connection()  # takes the lock now rather than with the first query
                yield session
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Generator[Session]:
        """Yield a session for reading only: a consistent snapshot that blocks nobody."""
        with self._readers() as session:
            yield session

    def look_up(
        self, query: Select[*tuple[object, ...]], parameters: dict[str, object]
    ) -> Row[*tuple[Any, ...]] | None:
        """Return the first row of a single query, which is remembered until anybody changes the database."""
        rows = self._lookups.rows(self._own)
        key = (query, *parameters.values())
        if key not in rows:
            with self._own.connect() as connection:
                rows[key] = connection.execute(query, parameters).first()
        return rows[key]

    def look_up_one(self, query: Select[*tuple[object, ...]], parameters: dict[str, object]) -> Row[*tuple[Any, ...]]:
        """Return what `look_up` does. Raises `LookupError` where there is nothing."""
        found = self.look_up(query, parameters)
        if found is None:
            raise LookupError(f"nothing found with {parameters}")
        return found

    def close(self) -> None:
        """Close every connection."""
        self._own.dispose()
        self.engine.dispose()
