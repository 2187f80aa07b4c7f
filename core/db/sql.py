"""Helpers for raw SQL, where the ORM would take longer than the database itself; and lookups where databases differ.

Many rows are sent as one JSON document, which both databases can read as a table. On PostgreSQL, several statements
take one round trip.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection
from django.db.models import CharField, TextField
from django.db.models.lookups import Contains, PatternLookup, StartsWith

ValuesRow = dict[str, Any]  # of ``values()``
Statement = tuple[str, Sequence[Any]]


def json_recordset(name: str, columns: Mapping[str, str], vendor: str) -> str:
    """Return a FROM item that reads a parameter from ``to_json`` as the table ``name`` with ``columns``.

    ``columns`` maps names to PostgreSQL types; SQLite uses the types of JSON.
    """
    if vendor == "postgresql":
        return f"json_to_recordset(%s) AS {name} ({', '.join(map(' '.join, columns.items()))})"
    picked = ", ".join(f"value ->> '{column}' AS {column}" for column in columns)
    return f"(SELECT {picked} FROM json_each(%s)) AS {name}"  # noqa: S608 - names of columns are ours


def to_json(rows: Iterable[Mapping[str, object]]) -> str:
    """Return ``rows`` as JSON, with times in the database's format."""
    return json.dumps(list(rows), default=_adapt_datetime)


def _adapt_datetime(value: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(value))


def adapt_uuid(value: UUID) -> UUID | str:
    """Return a UUID as a query parameter: a hex string for SQLite, which has no UUID type."""
    return value if connection.features.has_native_uuid_field else value.hex


def execute_batch(*statements: Statement) -> list[list[tuple[Any, ...]]]:
    """Run ``statements`` with their parameters, in order; return the rows of each.

    On PostgreSQL each statement gets a new snapshot, so it sees rows committed while an earlier one waited for a lock.
    """
    if not statements:
        return []
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return [_rows(cursor.execute(sql, values)) for sql, values in statements]
        cursor.execute("; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values])
        results = [_rows(cursor)]
        while cursor.nextset():
            results.append(_rows(cursor))
        return results


def _rows(cursor: Any) -> list[tuple[object, ...]]:
    return cursor.fetchall() if cursor.description else []


class _Instr(PatternLookup):
    """Makes ``startswith`` and ``contains`` case-sensitive on SQLite too, by ``instr`` instead of LIKE."""

    place: ClassVar[str]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[object]]:
        column, parameters = self.process_lhs(compiler, connection)
        text, more = super(PatternLookup, self).process_rhs(compiler, connection)  # the plain text, not a LIKE pattern
        return f"instr({column}, {text}) {self.place}", [*parameters, *more]


class _StartsWith(_Instr, StartsWith):
    place = "= 1"


class _Contains(_Instr, Contains):
    place = "> 0"


for field in (CharField, TextField):
    for lookup in (_StartsWith, _Contains):
        field.register_lookup(lookup)
