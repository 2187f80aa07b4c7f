"""Checks that the hourly rollups and the facets match the log, and repairs differences.

Rollups are compared day by day without a lock. That only finds hours that may be wrong, because a page may be ingested
meanwhile. Such an hour is counted again, and only rows ingested during that count are counted under the workspace's
lock. So ingest never waits while a whole hour is counted, however many rows it has.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from django.db import transaction
from django.db.models import Max, QuerySet

from core.db.rollups import RollupCount
from keys.log.ingest import rollups
from keys.log.ingest.rollups import CountedRow, RollupKey, Rollups, count_rows
from keys.log.models import facet
from keys.log.models.rollup import TrafficQuerySet
from keys.models import ApiKey, KeyTraffic, LogFacet, LoggedRequest
from workspaces.models import Workspace

_BATCH = 2000
_COLUMNS = ("hour", "endpoint", "status_class", "count", "histogram")
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _Ahead(NamedTuple):
    """Counts of the rows up to the id ``last``."""

    counts: Rollups
    last: int


_NOTHING = _Ahead({}, 0)


class _Level(Protocol):
    """The stored rollups of a key or a workspace, and what they should be."""

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        """Return the rollups of the hours from ``start`` until before ``end``."""

    def count_ahead(self, start: datetime, end: datetime) -> _Ahead:
        """Do the slow part of the count, before the lock is taken."""

    def counted(self, start: datetime, end: datetime, ahead: _Ahead = _NOTHING) -> Rollups:
        """Return the true counts of those hours, reading only rows that ``ahead`` does not include."""

    def days(self) -> Iterable[datetime]:
        """Return every day with rollups or rows."""

    def write(self, counts: Rollups) -> None:
        """Store ``counts``, replacing existing rollups."""


class _KeyLevel:
    """The rollups of a key, counted from the rows of its log."""

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.endpoints = set(key.endpoints.values_list("path", flat=True))

    def _since(self) -> datetime:
        """Return since when rows are kept; earlier hours have only rollups, or soon will.

        Read each time, because pruning may run at the same time.
        """
        return ApiKey.objects.values_list("kept_from", flat=True).get(pk=self.key.pk) or _EVER

    def _rows(self, start: datetime, end: datetime) -> QuerySet[LoggedRequest]:
        return self.key.requests.filter(created_at__gte=max(start, self._since()), created_at__lt=end)

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        return self.key.traffic.filter(hour__gte=max(start, self._since()), hour__lt=end)

    def count_ahead(self, start: datetime, end: datetime) -> _Ahead:
        last = self._rows(start, end).aggregate(last=Max("pk"))["last"] or 0
        return _Ahead(self._count(self._rows(start, end).filter(pk__lte=last)), last)

    def counted(self, start: datetime, end: datetime, ahead: _Ahead = _NOTHING) -> Rollups:
        # An hour that is being pruned counts nothing. A copy, because _NOTHING must stay empty.
        counts = dict(ahead.counts) if start >= self._since() else {}
        for key, one in self._count(self._rows(start, end).filter(pk__gt=ahead.last)).items():
            counts.setdefault(key, RollupCount()).add(one.count, one.histogram)
        return counts

    def _count(self, rows: QuerySet[LoggedRequest]) -> Rollups:
        found = rows.order_by("pk").values_list(*CountedRow._fields)
        return count_rows((CountedRow(*row) for row in found.iterator(_BATCH)), self.endpoints)

    def days(self) -> Iterable[datetime]:
        rows, stored = self._rows(_EVER, _NEVER), self.stored(_EVER, _NEVER)
        return {*rows.datetimes("created_at", "day", tzinfo=UTC), *stored.datetimes("hour", "day", tzinfo=UTC)}

    def write(self, counts: Rollups) -> None:
        known = set(self.key.endpoints.values_list("path", flat=True))
        rollups.record_endpoints(self.key, self.endpoints - known)
        rollups.OF_KEY.replace(self.key.pk, counts)


class _WorkspaceLevel:
    """The rollups of a workspace, which are the sums of its keys' rollups."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.of_keys = KeyTraffic.objects.filter(key__workspace=workspace)

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        return self.workspace.traffic.between(start, end)

    def count_ahead(self, start: datetime, end: datetime) -> _Ahead:  # noqa: ARG002 - rollups are few and quickly summed
        return _NOTHING

    def counted(self, start: datetime, end: datetime, ahead: _Ahead = _NOTHING) -> Rollups:  # noqa: ARG002 - as above
        sums: Rollups = {}
        for row in self.of_keys.between(start, end).values_list(*_COLUMNS).iterator(_BATCH):
            sums.setdefault(RollupKey(*row[:3]), RollupCount()).add(row[3], row[4])
        return sums

    def days(self) -> Iterable[datetime]:
        levels = (self.of_keys, self.workspace.traffic)
        return {day for stored in levels for day in stored.datetimes("hour", "day", tzinfo=UTC)}

    def write(self, counts: Rollups) -> None:
        rollups.OF_WORKSPACE.replace(self.workspace.pk, counts)


def recount(workspace: Workspace, *, repair: bool = False) -> Iterator[str]:
    """Recount the log and yield a sentence for each rollup that differs; with ``repair``, correct them."""
    for key in ApiKey.objects.of(workspace).order_by("pk"):
        yield from _differences(workspace, _KeyLevel(key), repair=repair)
        if repair:
            recount_facets(key)
    yield from _differences(workspace, _WorkspaceLevel(workspace), repair=repair)


def _differences(workspace: Workspace, level: _Level, *, repair: bool) -> Iterator[str]:
    for day in sorted(level.days()):
        for hour in sorted({key.hour for key in _compare(level, day, _after(day, timedelta(days=1)))[0]}):
            end = _after(hour, timedelta(hours=1))
            ahead = level.count_ahead(hour, end)
            with transaction.atomic():
                _lock(workspace)
                wrong, stored, counted = _compare(level, hour, end, ahead)
                if repair and wrong:
                    level.stored(hour, end).delete()
                    level.write(counted)
            yield from (_difference(key, stored, counted) for key in wrong)


def _after(time: datetime, span: timedelta) -> datetime:
    """Return ``time`` plus ``span``, capped at the latest datetime: an upstream clock may be set to the year 9999."""
    return time + span if time < _NEVER - span else _NEVER


def _compare(
    level: _Level, start: datetime, end: datetime, ahead: _Ahead = _NOTHING
) -> tuple[list[RollupKey], Rollups, Rollups]:
    """Return the keys of rollups that differ, the stored rollups and the counted ones."""
    counted = level.counted(start, end, ahead)
    rows = level.stored(start, end).values_list(*_COLUMNS)
    stored = {RollupKey(*row[:3]): RollupCount(row[3], row[4]) for row in rows}
    wrong = [key for key in sorted(counted.keys() | stored.keys()) if counted.get(key) != stored.get(key)]
    return wrong, stored, counted


def _difference(key: RollupKey, stored: Rollups, counted: Rollups) -> str:
    there, true = (counts.get(key, RollupCount()).count for counts in (stored, counted))
    what = f"{key.endpoint or 'everything'} {key.status_class}xx"
    return f"{key.hour:%Y-%m-%d %H:00} {what}: the rollup says {there}, the log {true}"


def recount_facets(key: ApiKey) -> None:
    """Replace the facets of ``key``; only rows ingested during the count are counted under the lock."""
    last = key.requests.aggregate(last=Max("pk"))["last"] or 0
    counts = facet.count_facets(key.requests.filter(pk__lte=last))
    values = [LogFacet(workspace_id=key.workspace_id, **one) for one in counts]
    with transaction.atomic():
        _lock(key.workspace)
        key.log_values.all().delete()
        LogFacet.objects.bulk_create(values, batch_size=500)
        facet.record(key.pk, key.workspace_id, key.requests.filter(pk__gt=last))


def _lock(workspace: Workspace) -> None:
    """Block ingest until the transaction ends."""
    Workspace.objects.lock(workspace.pk)
