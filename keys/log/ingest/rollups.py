"""Hourly rollups of the request log: counts per endpoint and status class, updated as rows are ingested.

``keys.log.ingest.recount`` checks them against the rows.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from core.db.histogram import bucket_for
from core.db.rollups import HOUR, RollupCount, RollupTable, hour_of
from core.db.sql import Statement
from keys.log.canonical import endpoint_of
from keys.log.models.rollup import CONSOLE, EVERYTHING, OTHER
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, WorkspaceTraffic

MOST_ENDPOINTS = 50
_NOTHING = timedelta(0)


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


Rollups = dict[RollupKey, RollupCount]
_KEY = RollupKey._fields
OF_KEY = RollupTable(KeyTraffic, "key", _KEY)
OF_WORKSPACE = RollupTable(WorkspaceTraffic, "workspace", _KEY)


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
        if not _NOTHING <= at - begin < HOUR:  # rows are ordered by time, so the hour rarely changes
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
    return [OF_KEY.add(api_key.pk, counts), OF_WORKSPACE.add(api_key.workspace_id, counts)]


def record_endpoints(key: ApiKey, paths: Collection[str]) -> None:
    if paths:
        KeyEndpoint.objects.bulk_create([KeyEndpoint(key=key, path=path) for path in sorted(paths)])
