"""Rollups: counts and histograms of durations by hour or day, which the database adds up as rows are ingested."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model

from core.db.histogram import Histogram
from core.db.sql import Statement, adapt_uuid, json_recordset, to_json

HOUR = timedelta(hours=1)
_BATCH = 2000
Key = TypeVar("Key", bound=tuple[object, ...])

# Nothing has to be read first, and concurrent additions do not overwrite each other.
_ADD = """
INSERT INTO {table} AS there ({owner}, {key}, count, histogram)
SELECT %s, {key}, count, histogram FROM {source} WHERE true
ON CONFLICT ({owner}, {key}) DO UPDATE SET count = there.count + excluded.count, histogram = (
    SELECT coalesce({object_of}(bucket, number), '{{}}') FROM (
        SELECT key AS bucket, sum({number}) AS number FROM (
            SELECT key, value FROM {each}(there.histogram) UNION ALL SELECT key, value FROM {each}(excluded.histogram)
        ) AS both_of GROUP BY key
    ) AS summed
)
"""
_FUNCTIONS = {
    "postgresql": {"object_of": "jsonb_object_agg", "each": "jsonb_each", "number": "value::int"},
    "sqlite": {"object_of": "json_group_object", "each": "json_each", "number": "value"},
}


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """Return the beginning of the day, in UTC."""
    return hour_of(at).replace(hour=0)


@dataclass
class RollupCount:
    """How many there were, and the histogram of the known durations."""

    count: int = 0
    histogram: Histogram = field(default_factory=dict)

    def add(self, count: int, histogram: Histogram) -> None:
        self.count += count
        for bucket, number in histogram.items():
            self.histogram[bucket] = self.histogram.get(bucket, 0) + number


@dataclass(frozen=True)
class RollupTable:
    """A table of rollups: a row for each owner and ``key``, with the columns "count" and "histogram".

    A constraint makes owner and ``key`` together unique.
    """

    model: type[Model]
    owner: str
    key: tuple[str, ...]

    def add(self, owner: UUID | int, counts: Mapping[Key, RollupCount]) -> Statement:
        """Return the SQL that adds the ``counts`` of new rows to those of the row with the primary key ``owner``."""
        value = adapt_uuid(owner) if isinstance(owner, UUID) else owner
        return _add_sql(self), [value, to_json(self._rows(counts))]

    def replace(self, owner: UUID | int, counts: Mapping[Key, RollupCount]) -> None:
        """Store ``counts`` in place of those with the same keys."""
        self.model._default_manager.bulk_create(  # noqa: SLF001 - Django's documented way
            [self.model(**{f"{self.owner}_id": owner}, **row) for row in self._rows(counts)],
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=[self.owner, *self.key],
            update_fields=["count", "histogram"],
        )

    def _rows(self, counts: Mapping[Key, RollupCount]) -> list[dict[str, object]]:
        return [
            {**dict(zip(self.key, key, strict=True)), "count": one.count, "histogram": one.histogram}
            for key, one in counts.items()
        ]


@cache
def _add_sql(table: RollupTable) -> str:
    meta = table.model._meta  # noqa: SLF001 - as above
    types = {name: meta.get_field(name).db_type(connection) or "" for name in (*table.key, "count", "histogram")}
    return _ADD.format(
        table=meta.db_table,
        owner=f"{table.owner}_id",
        key=", ".join(table.key),
        source=json_recordset("counted", types, connection.vendor),
        **_FUNCTIONS[connection.vendor],
    )
