"""The sandbox's database: one SQLite file, safe to use from many threads and from two processes."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import Row, Select, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from .tables import Base

BUSY_TIMEOUT_SECONDS = 10


def _prepare(connection: SQLiteConnection, _entry: ConnectionPoolEntry) -> None:
    """Set the pragmas of a connection."""
    for pragma in (
        # First, because switching to WAL already has to wait for other processes.
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the write lock at once for writers: upgrading a read transaction later fails instead of waiting."""
    mode = connection.get_execution_options().get("begin", "IMMEDIATE")
    if mode is not None:
        connection.exec_driver_sql(f"BEGIN {mode}")


class Store:
    """Opens the database at `path`, creating file and tables when missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"isolation_level": None, "check_same_thread": False},
            pool_size=10,
            max_overflow=50,
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)
        Base.metadata.create_all(self.engine)
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        self._lookups = self.engine.execution_options(begin=None)
        readers = self.engine.execution_options(begin="DEFERRED")
        self._readers = sessionmaker(readers, expire_on_commit=False)

    @contextmanager
    def session(self) -> Generator[Session]:
        """Yield a session that may write; it commits at the end and rolls back on any exception.

        It holds SQLite's write lock all the time, so keep it short and without network calls.
        """
        with self._writers.begin() as session:
            session.connection()  # takes the lock now rather than with the first query
            yield session

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
        self.engine.dispose()
