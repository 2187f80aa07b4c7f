"""Proves that the hourly rollups equal the log, and sets right what differs.

Cells are compared day by day without any lock, which only names suspects: a page may land meanwhile. An hour that
looked wrong is then counted once more, and what landed meanwhile under the workspace's lock, so that however many rows
an hour has, nobody waits for them to be counted.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from django.db import transaction
from django.db.models import Max, QuerySet

from keys.log.ingest import facets, rollups
from keys.log.ingest.rollup_counts import CountedRow, RollupCount, RollupKey, count_rows
from keys.log.ingest.rollups import Cells
from keys.log.models.rollup import TrafficQuerySet
from keys.models import ApiKey, KeyTraffic, LoggedRequest, LogValue, WorkspaceTraffic
from workspaces.models import Workspace

_BATCH = 2000
_VALUES = ("hour", "endpoint", "status_class", "count", "histogram")
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _Count(NamedTuple):
    """What the rows up to the one of the id ``last`` come to."""

    cells: Cells
    last: int


_NOTHING = _Count({}, 0)


class _Level(Protocol):
    """Cells that are stored, and what they should hold."""

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        """Return the cells of the hours from ``start`` on and before ``end``."""

    def count_ahead(self, start: datetime, end: datetime) -> _Count:
        """Count what takes long to count, before the lock is taken."""

    def counted(self, start: datetime, end: datetime, ahead: _Count = _NOTHING) -> Cells:
        """Return what those hours hold, as far as it was not counted ``ahead``."""

    def days(self) -> Iterable[datetime]:
        """Return every day with cells or with what they count."""

    def write(self, cells: Cells) -> None:
        """Store ``cells`` in place of what is there."""


class _OfKey:
    """The cells of a key, counted from the rows of its log."""

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.endpoints = set(key.endpoints.values_list("path", flat=True))

    def _since(self) -> datetime:
        """Return from when on the rows are there; of earlier ones only the rollup is left, or soon will be.

        Asked each time, because pruning goes on beside us.
        """
        return ApiKey.objects.values_list("kept_from", flat=True).get(pk=self.key.pk) or _EVER

    def _rows(self, start: datetime, end: datetime) -> QuerySet[LoggedRequest]:
        return self.key.requests.filter(created_at__gte=max(start, self._since()), created_at__lt=end)

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        return self.key.traffic.filter(hour__gte=max(start, self._since()), hour__lt=end)

    def count_ahead(self, start: datetime, end: datetime) -> _Count:
        last = self._rows(start, end).aggregate(last=Max("pk"))["last"] or 0
        return _Count(self._tally(self._rows(start, end).filter(pk__lte=last)), last)

    def counted(self, start: datetime, end: datetime, ahead: _Count = _NOTHING) -> Cells:
        # What is being pruned counts nothing. A copy: what counts nothing ahead is one value, shared by all.
        cells = dict(ahead.cells) if start >= self._since() else {}
        for cell, one in self._tally(self._rows(start, end).filter(pk__gt=ahead.last)).items():
            cells.setdefault(cell, RollupCount()).add(one.count, one.histogram)
        return cells

    def _tally(self, rows: QuerySet[LoggedRequest]) -> Cells:
        found = rows.order_by("pk").values_list(*CountedRow._fields)
        return count_rows((CountedRow(*row) for row in found.iterator(_BATCH)), self.endpoints)

    def days(self) -> Iterable[datetime]:
        rows, cells = self._rows(_EVER, _NEVER), self.stored(_EVER, _NEVER)
        return {*rows.datetimes("created_at", "day", tzinfo=UTC), *cells.datetimes("hour", "day", tzinfo=UTC)}

    def write(self, cells: Cells) -> None:
        known = set(self.key.endpoints.values_list("path", flat=True))
        rollups.note_endpoints(self.key, self.endpoints - known)
        rollups.write(KeyTraffic, {"key": self.key}, cells)


class _OfWorkspace:
    """The cells of a workspace, which are the sums of its keys' cells."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.of_keys = KeyTraffic.objects.filter(key__workspace=workspace)

    def stored(self, start: datetime, end: datetime) -> TrafficQuerySet:
        return self.workspace.traffic.between(start, end)

    def count_ahead(self, start: datetime, end: datetime) -> _Count:  # noqa: ARG002 - few cells are soon added up
        return _NOTHING

    def counted(self, start: datetime, end: datetime, ahead: _Count = _NOTHING) -> Cells:  # noqa: ARG002 - as above
        sums: Cells = {}
        for row in self.of_keys.between(start, end).values_list(*_VALUES).iterator(_BATCH):
            sums.setdefault(RollupKey(*row[:3]), RollupCount()).add(row[3], row[4])
        return sums

    def days(self) -> Iterable[datetime]:
        levels = (self.of_keys, self.workspace.traffic)
        return {day for cells in levels for day in cells.datetimes("hour", "day", tzinfo=UTC)}

    def write(self, cells: Cells) -> None:
        rollups.write(WorkspaceTraffic, {"workspace_id": self.workspace.pk}, cells)


def recount(workspace: Workspace, *, repair: bool = False) -> Iterator[str]:
    """Count the log again and yield a sentence for each cell that differs; with ``repair`` set it right."""
    for key in ApiKey.objects.of(workspace).order_by("pk"):
        yield from _differences(workspace, _OfKey(key), repair=repair)
        if repair:
            recount_values(key)
    yield from _differences(workspace, _OfWorkspace(workspace), repair=repair)


def _differences(workspace: Workspace, level: _Level, *, repair: bool) -> Iterator[str]:
    for day in sorted(level.days()):
        for hour in sorted({cell.hour for cell in _compare(level, day, _after(day, timedelta(days=1)))[0]}):
            end = _after(hour, timedelta(hours=1))
            ahead = level.count_ahead(hour, end)
            with transaction.atomic():
                _lock(workspace)
                wrong, stored, counted = _compare(level, hour, end, ahead)
                if repair and wrong:
                    level.stored(hour, end).delete()
                    level.write(counted)
            yield from (_difference(cell, stored, counted) for cell in wrong)


def _after(moment: datetime, span: timedelta) -> datetime:
    """Return ``moment`` plus ``span``, or the end of time: some upstream's clock stands there."""
    return moment + span if moment < _NEVER - span else _NEVER


def _compare(
    level: _Level, start: datetime, end: datetime, ahead: _Count = _NOTHING
) -> tuple[list[RollupKey], Cells, Cells]:
    """Return the cells that differ, those stored, and those counted, of a stretch."""
    counted = level.counted(start, end, ahead)
    rows = level.stored(start, end).values_list(*_VALUES)
    stored = {RollupKey(*row[:3]): RollupCount(row[3], row[4]) for row in rows}
    wrong = [cell for cell in sorted(counted.keys() | stored.keys()) if counted.get(cell) != stored.get(cell)]
    return wrong, stored, counted


def _difference(cell: RollupKey, stored: Cells, counted: Cells) -> str:
    there, true = (cells.get(cell, RollupCount()).count for cells in (stored, counted))
    what = f"{cell.endpoint or 'everything'} {cell.status_class}xx"
    return f"{cell.hour:%Y-%m-%d %H:00} {what}: the rollup says {there}, the log {true}"


def recount_values(key: ApiKey) -> None:
    """Note anew what occurs in the log of ``key``; only what landed while it was counted is counted under the lock."""
    last = key.requests.aggregate(last=Max("pk"))["last"] or 0
    noted = [
        LogValue(workspace_id=key.workspace_id, **one) for one in facets.count_facets(key.requests.filter(pk__lte=last))
    ]
    with transaction.atomic():
        _lock(key.workspace)
        key.log_values.all().delete()
        LogValue.objects.bulk_create(noted, batch_size=500)
        facets.record(key.pk, key.workspace_id, key.requests.filter(pk__gt=last))


def _lock(workspace: Workspace) -> None:
    """Keep pages from landing until the transaction ends."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
