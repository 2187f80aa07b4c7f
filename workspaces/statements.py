"""Several statements in one round trip, where the database takes them so: PostgreSQL does."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

Statement = tuple[str, Sequence[Any]]


def together(*statements: Statement) -> list[list[tuple[Any, ...]]]:
    """Run ``statements``, each with its parameters, one after the other; return the rows of each.

    On PostgreSQL each has its own look at the data: one sees what the locks taken by those before it waited for.
    """
    if not statements:
        return []
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return [_rows(cursor.execute(sql, values)) for sql, values in statements]
        cursor.execute("; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values])
        answers = [_rows(cursor)]
        while cursor.nextset():
            answers.append(_rows(cursor))
        return answers


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return cursor.fetchall() if cursor.description else []
