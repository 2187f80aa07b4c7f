"""Counts attempts by endpoint, reason, and hour or day, so that figures need not read each of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Manager, Max

from core.histogram import Histogram, bucket_for
from webhooks.models import Attempt, Delivery, Endpoint, EndpointDay, EndpointHour
from workspaces.models import Workspace

_BATCH = 2000


class RollupKey(NamedTuple):
    """Identifies one count."""

    host: str
    begins: datetime  # the hour or the day
    reason: str


class DecidedAttempt(NamedTuple):
    """What a count needs of an attempt; one without an outcome yet is not counted."""

    host: str
    at: datetime
    reason: str
    duration_ms: int | None


RollupCount = tuple[int, Histogram]


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """Return the beginning of the day, in UTC."""
    return hour_of(at).replace(hour=0)


# The models, the field that holds the beginning, and the function that computes it.
SPANS: tuple[tuple[type[EndpointHour | EndpointDay], str, Callable[[datetime], datetime]], ...] = (
    (EndpointHour, "hour", hour_of),
    (EndpointDay, "day", day_of),
)


def add_attempts(workspace: Workspace, decided: Sequence[Attempt]) -> None:
    """Count attempts that were not counted before. The caller holds the workspace's lock. Two queries a span."""
    if not decided:
        return
    rows = [DecidedAttempt(one.delivery.host, one.at, one.reason, one.duration_ms) for one in decided]
    for model, name, beginning in SPANS:
        cells = count_attempts(rows, beginning)
        begins, hosts = {cell.begins for cell in cells}, {cell.host for cell in cells}
        there = model.objects.filter(workspace=workspace, host__in=hosts, **{f"{name}__in": begins})
        for row in there:
            cell = RollupKey(row.host, getattr(row, name), row.reason)
            if cell in cells:
                count, histogram = cells[cell]
                cells[cell] = (count + row.count, _sum(histogram, row.histogram))
        _write(workspace, model, name, cells)


def record_endpoints(workspace: Workspace, deliveries: Iterable[Delivery]) -> None:
    """Store each delivery's endpoint with its latest attempt. Two queries."""
    latest: dict[str, datetime] = {}
    for one in deliveries:
        latest[one.host] = max(one.last_attempt_at, latest.get(one.host, one.last_attempt_at))
    known = dict(Endpoint.objects.filter(workspace=workspace, host__in=latest).values_list("host", "last_attempt_at"))
    newer = {host: at for host, at in latest.items() if host not in known or known[host] < at}
    _write_endpoints(workspace, newer)


def count_attempts(
    rows: Iterable[DecidedAttempt], beginning: Callable[[datetime], datetime]
) -> dict[RollupKey, RollupCount]:
    """Count ``rows`` by the hour or day that each lies in; ``beginning`` returns where that begins."""
    cells: dict[RollupKey, RollupCount] = {}
    for row in rows:
        cell = RollupKey(row.host, beginning(row.at), row.reason)
        count, histogram = cells.setdefault(cell, (0, {}))
        if row.duration_ms is not None:
            bucket = bucket_for(row.duration_ms)
            histogram[bucket] = histogram.get(bucket, 0) + 1
        cells[cell] = (count + 1, histogram)
    return cells


def recount(workspace: Workspace) -> None:
    """Count everything again, as after rows were written without ``add_attempts``."""
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        Endpoint.objects.filter(workspace=workspace).delete()
        rows = Attempt.objects.filter(workspace=workspace).exclude(acknowledged=False, reason="").order_by()
        values = rows.values_list("delivery__host", "at", "reason", "duration_ms")
        hours = count_attempts((DecidedAttempt(*row) for row in values.iterator(_BATCH)), hour_of)
        for (model, name, _), cells in zip(SPANS, (hours, sum_by_day(hours)), strict=True):
            model.objects.filter(workspace=workspace).delete()
            _write(workspace, model, name, cells)
        latest = Delivery.objects.of(workspace).order_by().values_list("host").annotate(Max("last_attempt_at"))
        _write_endpoints(workspace, dict(latest))


def sum_by_day(hours: Mapping[RollupKey, RollupCount]) -> dict[RollupKey, RollupCount]:
    """Return the days' counts from the hours'."""
    days: dict[RollupKey, RollupCount] = {}
    for (host, hour, reason), (count, histogram) in hours.items():
        cell = RollupKey(host, day_of(hour), reason)
        before, sum_before = days.get(cell, (0, {}))
        days[cell] = (before + count, _sum(sum_before, histogram))
    return days


def _sum(one: Histogram, other: Histogram) -> Histogram:
    return {bucket: one.get(bucket, 0) + other.get(bucket, 0) for bucket in sorted({*one, *other}, key=int)}


def _write(
    workspace: Workspace, model: type[EndpointHour | EndpointDay], name: str, cells: Mapping[RollupKey, RollupCount]
) -> None:
    manager: Manager[Any] = model.objects
    manager.bulk_create(
        [
            model(workspace=workspace, host=host, reason=reason, count=count, histogram=histogram, **{name: begins})
            for (host, begins, reason), (count, histogram) in cells.items()
        ],
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "host", name, "reason"],
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
