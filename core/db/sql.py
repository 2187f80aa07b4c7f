"""Statements written by hand, for the few places where the ORM costs more than the database's own work.

Many rows travel as one JSON, which both databases read as a table; several statements in one round trip where the
database takes them so, as PostgreSQL does.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

Statement = tuple[str, Sequence[Any]]


def rows_of(name: str, columns: Mapping[str, str], vendor: str) -> str:
    """Return what stands in FROM for a parameter made by ``in_json``: table ``name`` with ``columns``.

    Those are given with PostgreSQL's types; SQLite takes values as JSON has them.
    """
    if vendor == "postgresql":
        return f"json_to_recordset(%s) AS {name} ({', '.join(map(' '.join, columns.items()))})"
    picked = ", ".join(f"value ->> '{column}' AS {column}" for column in columns)
    return f"(SELECT {picked} FROM json_each(%s)) AS {name}"  # noqa: S608 - names of columns are ours


def in_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return ``rows`` as JSON, with moments as the database writes them."""
    return json.dumps(list(rows), default=_moment)


def _moment(value: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(value))


def stored_id(value: UUID) -> UUID | str:
    """Return an id as the database holds it: SQLite has no type for it."""
    return value if connection.features.has_native_uuid_field else value.hex


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
