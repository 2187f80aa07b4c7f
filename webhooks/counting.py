"""Counts attempts by endpoint, hour and reason, so that figures need not read each of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max

from webhooks.models import Attempt, Delivery, Endpoint, EndpointHour
from workspaces.latency import Histogram, bucket_of
from workspaces.models import Workspace

_BATCH = 2000


class Cell(NamedTuple):
    """What is counted together."""

    host: str
    hour: datetime
    reason: str


class Counted(NamedTuple):
    """What a count needs of an attempt; an attempt that is not decided yet is not counted."""

    host: str
    at: datetime
    reason: str
    duration_ms: int | None


Tally = tuple[int, Histogram]


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add(workspace: Workspace, decided: Sequence[Attempt]) -> None:
    """Count attempts that were not counted before. The caller holds the workspace's lock. Three queries."""
    if not decided:
        return
    cells = tally(Counted(one.delivery.host, one.at, one.reason, one.duration_ms) for one in decided)
    hours, hosts = {cell.hour for cell in cells}, {cell.host for cell in cells}
    there = EndpointHour.objects.filter(workspace=workspace, hour__in=hours, host__in=hosts)
    for row in there:
        cell = Cell(row.host, row.hour, row.reason)
        if cell in cells:
            count, histogram = cells[cell]
            cells[cell] = (count + row.count, _sum(histogram, row.histogram))
    _write(workspace, cells)


def note_endpoints(workspace: Workspace, deliveries: Iterable[Delivery]) -> None:
    """See that each delivery's endpoint is known, with its latest attempt. Two queries."""
    latest: dict[str, datetime] = {}
    for one in deliveries:
        latest[one.host] = max(one.last_attempt_at, latest.get(one.host, one.last_attempt_at))
    known = dict(Endpoint.objects.filter(workspace=workspace, host__in=latest).values_list("host", "last_attempt_at"))
    newer = {host: at for host, at in latest.items() if host not in known or known[host] < at}
    _write_endpoints(workspace, newer)


def tally(rows: Iterable[Counted]) -> dict[Cell, Tally]:
    """Count ``rows``."""
    cells: dict[Cell, Tally] = {}
    for row in rows:
        cell = Cell(row.host, hour_of(row.at), row.reason)
        count, histogram = cells.setdefault(cell, (0, {}))
        if row.duration_ms is not None:
            bucket = bucket_of(row.duration_ms)
            histogram[bucket] = histogram.get(bucket, 0) + 1
        cells[cell] = (count + 1, histogram)
    return cells


def recount(workspace: Workspace) -> None:
    """Count everything again, as after rows were written past ``add``."""
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        EndpointHour.objects.filter(workspace=workspace).delete()
        Endpoint.objects.filter(workspace=workspace).delete()
        rows = Attempt.objects.filter(workspace=workspace).exclude(acknowledged=False, reason="").order_by()
        values = rows.values_list("delivery__host", "at", "reason", "duration_ms")
        _write(workspace, tally(Counted(*row) for row in values.iterator(_BATCH)))
        latest = Delivery.objects.of(workspace).order_by().values_list("host").annotate(Max("last_attempt_at"))
        _write_endpoints(workspace, dict(latest))


def _sum(one: Histogram, other: Histogram) -> Histogram:
    return {bucket: one.get(bucket, 0) + other.get(bucket, 0) for bucket in sorted({*one, *other}, key=int)}


def _write(workspace: Workspace, cells: dict[Cell, Tally]) -> None:
    EndpointHour.objects.bulk_create(
        [
            EndpointHour(workspace=workspace, **cell._asdict(), count=count, histogram=histogram)
            for cell, (count, histogram) in cells.items()
        ],
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "host", "hour", "reason"],
        update_fields=["count", "histogram"],
    )


def _write_endpoints(workspace: Workspace, latest: dict[str, datetime]) -> None:
    Endpoint.objects.bulk_create(
        [Endpoint(workspace=workspace, host=host, last_attempt_at=at) for host, at in latest.items()],
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "host"],
        update_fields=["last_attempt_at"],
    )
