"""The sandbox's database: one SQLite file, safe to use from many threads and from two processes."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import Row, Select, create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoTurn
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, SingletonThreadPool

from .upgrade import create_or_upgrade

BUSY_TIMEOUT_SECONDS = 10


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


class Store:
    """Opens the database at `path`, creating or upgrading file and tables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = _engine(path, pool_size=10, max_overflow=50, pool_timeout=BUSY_TIMEOUT_SECONDS)
        create_or_upgrade(self.engine)
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        # SQLite's own waiting is a matter of luck: each tries again at times, and who has just written is the quickest.
        self._turn = threading.Lock()
        # One connection for each thread, so that the event loop never waits until another one is given back.
        self._own = _engine(path, poolclass=SingletonThreadPool)
        self._lookups = self._own.execution_options(begin=None)
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
        """Return the first row of a single query, without the cost of a session."""
        with self._lookups.connect() as connection:
            return connection.execute(query, parameters).first()

    def close(self) -> None:
        """Close every connection."""
        self._own.dispose()
        self.engine.dispose()
