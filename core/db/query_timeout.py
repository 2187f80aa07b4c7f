"""Time limits for queries: a filter without an index may scan millions of rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

_QUERY_CANCELED = "57014"  # PostgreSQL's code; psycopg has a class for it but is not loaded with SQLite


class QueryTimeout(Exception):
    """A query was stopped because it took too long."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop queries in this block after ``seconds`` and raise QueryTimeout. For read-only queries.

    PostgreSQL limits each statement, SQLite the whole block.
    """
    reading = _limited_postgresql if connection.vendor == "postgresql" else _limited_sqlite
    try:
        with reading(seconds):
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _QUERY_CANCELED or str(error) == "interrupted":
            raise QueryTimeout from error
        raise


@contextmanager
def _limited_postgresql(seconds: float) -> Iterator[None]:
    # SET LOCAL ends with the transaction, so a pooled connection never keeps the limit.
    is_within_another = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
        yield
        if is_within_another:
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


@contextmanager
def _limited_sqlite(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    until = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)
