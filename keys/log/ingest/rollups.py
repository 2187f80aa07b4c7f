"""Hourly rollups of the request log: counts per endpoint and status class, updated as rows are ingested.

``keys.log.ingest.recount`` checks them against the rows.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from django.db import connection

from core.db.sql import Statement, adapt_uuid, json_recordset, to_json
from core.histogram import Histogram, bucket_for
from keys.log.endpoints import endpoint_of
from keys.log.models.rollup import CONSOLE, EVERYTHING, OTHER
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, WorkspaceTraffic

MOST_ENDPOINTS = 50
_BATCH = 2000
_NOTHING, _HOUR = timedelta(0), timedelta(hours=1)


class Countable(Protocol):
    """The attributes of a logged request that rollups need, whether it is stored or not."""

    @property
    def created_at(self) -> datetime: ...
    @property
    def path(self) -> str: ...
    @property
    def status_code(self) -> int | None: ...
    @property
    def duration_ms(self) -> int | None: ...
    @property
    def is_own_call(self) -> bool: ...


class CountedRow(NamedTuple):
    """The columns that rollups need, as read from the database."""

    created_at: datetime
    path: str
    status_code: int | None
    duration_ms: int | None
    is_own_call: bool


class RollupKey(NamedTuple):
    """The key of a rollup; ``status_class`` is the first digit of the status, or 0 without one."""

    hour: datetime
    endpoint: str
    status_class: int


# Hour, path, status class, duration bucket, and whether it was the console's own call.
_Group = tuple[datetime, str, int, str | None, bool]


@dataclass
class RollupCount:
    """The number of requests, and the histogram of the known durations."""

    count: int = 0
    histogram: Histogram = field(default_factory=dict)

    def add(self, count: int, histogram: Histogram) -> None:
        self.count += count
        for bucket, number in histogram.items():
            self.histogram[bucket] = self.histogram.get(bucket, 0) + number


Rollups = dict[RollupKey, RollupCount]

# The database adds the histograms, so that nothing has to be read first.
_ADD = """
INSERT INTO {table} AS there ({owner}, endpoint, hour, status_class, count, histogram)
SELECT %s, endpoint, hour, status_class, count, histogram FROM {source} WHERE true
ON CONFLICT ({owner}, endpoint, hour, status_class) DO UPDATE SET count = there.count + excluded.count, histogram = (
    SELECT coalesce({object_of}(bucket, number), '{{}}') FROM (
        SELECT key AS bucket, sum({number}) AS number FROM (
            SELECT key, value FROM {each}(there.histogram) UNION ALL SELECT key, value FROM {each}(excluded.histogram)
        ) AS both_of GROUP BY key
    ) AS summed
)
"""
_COLUMNS = {"hour": "timestamptz", "endpoint": "text", "status_class": "smallint", "count": "int", "histogram": "jsonb"}
_FUNCTIONS = {
    "postgresql": {"object_of": "jsonb_object_agg", "each": "jsonb_each", "number": "value::int"},
    "sqlite": {"object_of": "json_group_object", "each": "json_each", "number": "value"},
}
_LEVELS = (("keys_keytraffic", "key_id"), ("keys_workspacetraffic", "workspace_id"))
_ADD_BY_VENDOR = {
    vendor: [
        _ADD.format(table=table, owner=owner, source=json_recordset("counted", _COLUMNS, vendor), **functions)
        for table, owner in _LEVELS
    ]
    for vendor, functions in _FUNCTIONS.items()
}


def hour_of(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_rows(rows: Iterable[Countable], endpoints: set[str]) -> Rollups:
    """Count ``rows`` of one key. ``endpoints`` holds its known ones; new ones are added up to ``MOST_ENDPOINTS``."""
    counts: Rollups = {}
    for (hour, path, status_class, bucket, is_own), count in _group(rows).items():
        durations = {} if bucket is None else {bucket: count}
        for endpoint in _endpoints_for(path, endpoints, is_own=is_own):
            counts.setdefault(RollupKey(hour, endpoint, status_class), RollupCount()).add(count, durations)
    return counts


def _group(rows: Iterable[Countable]) -> dict[_Group, int]:
    """Group identical rows, as most rows of a page are, and count each group."""
    groups: dict[_Group, int] = {}
    begin = datetime.min.replace(tzinfo=UTC)
    for row in rows:
        at, duration = row.created_at, row.duration_ms
        if not _NOTHING <= at - begin < _HOUR:  # rows are ordered by time, so the hour rarely changes
            begin = hour_of(at)
        bucket = None if duration is None else bucket_for(duration)
        group = begin, row.path, (row.status_code or 0) // 100, bucket, row.is_own_call
        groups[group] = groups.get(group, 0) + 1
    return groups


def _endpoints_for(path: str, endpoints: set[str], *, is_own: bool) -> tuple[str, ...]:
    if is_own:
        return (CONSOLE,)
    endpoint = endpoint_of(path)
    if endpoint not in endpoints:
        if len(endpoints) >= MOST_ENDPOINTS:
            return EVERYTHING, OTHER
        endpoints.add(endpoint)
    return EVERYTHING, endpoint


def add_statements(api_key: ApiKey, counts: Rollups) -> list[Statement]:
    """Return the SQL that adds the ``counts`` of new rows. Run it while holding the workspace's lock."""
    if not counts:
        return []
    rows = to_json({**key._asdict(), "count": one.count, "histogram": one.histogram} for key, one in counts.items())
    owners = adapt_uuid(api_key.pk), api_key.workspace_id
    return [(sql, [owner, rows]) for sql, owner in zip(_ADD_BY_VENDOR[connection.vendor], owners, strict=True)]


def record_endpoints(key: ApiKey, paths: Collection[str]) -> None:
    if paths:
        KeyEndpoint.objects.bulk_create([KeyEndpoint(key=key, path=path) for path in sorted(paths)])


def write(model: type[KeyTraffic | WorkspaceTraffic], owner: dict[str, object], counts: Rollups) -> None:
    """Store ``counts``, replacing rows of the same hours, endpoints and status classes."""
    rows: list[object] = [
        model(**owner, **key._asdict(), count=one.count, histogram=one.histogram) for key, one in counts.items()
    ]
    objects: Any = model.objects  # one manager type for both models
    objects.bulk_create(
        rows,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=[next(iter(owner)).removesuffix("_id"), "endpoint", "hour", "status_class"],
        update_fields=["count", "histogram"],
    )
