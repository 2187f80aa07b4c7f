"""Counts attempts by endpoint, reason, and hour or day, so that figures need not read each of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max

from core.db.histogram import bucket_for
from core.db.rollups import RollupCount, RollupTable, day_of, hour_of
from core.db.sql import execute_batch
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


Rollups = dict[RollupKey, RollupCount]
BY_HOUR = RollupTable(EndpointHour, "workspace", ("host", "hour", "reason"))
BY_DAY = RollupTable(EndpointDay, "workspace", ("host", "day", "reason"))


def add_attempts(workspace: Workspace, decided: Sequence[Attempt]) -> None:
    """Count attempts that were not counted before."""
    if not decided:
        return
    hours = count_by_hour(DecidedAttempt(one.delivery.host, one.at, one.reason, one.duration_ms) for one in decided)
    execute_batch(BY_HOUR.add(workspace.pk, hours), BY_DAY.add(workspace.pk, sum_by_day(hours)))


def record_endpoints(workspace: Workspace, deliveries: Iterable[Delivery]) -> None:
    """Store each delivery's endpoint with its latest attempt. Two queries."""
    latest: dict[str, datetime] = {}
    for one in deliveries:
        latest[one.host] = max(one.last_attempt_at, latest.get(one.host, one.last_attempt_at))
    known = dict(Endpoint.objects.filter(workspace=workspace, host__in=latest).values_list("host", "last_attempt_at"))
    newer = {host: at for host, at in latest.items() if host not in known or known[host] < at}
    _write_endpoints(workspace, newer)


def count_by_hour(rows: Iterable[DecidedAttempt]) -> Rollups:
    """Count ``rows`` by the hour that each lies in."""
    hours: Rollups = {}
    for row in rows:
        histogram = {} if row.duration_ms is None else {bucket_for(row.duration_ms): 1}
        hours.setdefault(RollupKey(row.host, hour_of(row.at), row.reason), RollupCount()).add(1, histogram)
    return hours


def recount(workspace: Workspace) -> None:
    """Count everything again, as after rows were written without ``add_attempts``."""
    with transaction.atomic():
        Workspace.objects.lock(workspace.pk)
        Endpoint.objects.filter(workspace=workspace).delete()
        rows = Attempt.objects.filter(workspace=workspace).exclude(acknowledged=False, reason="").order_by()
        values = rows.values_list("delivery__host", "at", "reason", "duration_ms")
        hours = count_by_hour(DecidedAttempt(*row) for row in values.iterator(_BATCH))
        EndpointHour.objects.filter(workspace=workspace).delete()
        EndpointDay.objects.filter(workspace=workspace).delete()
        BY_HOUR.replace(workspace.pk, hours)
        BY_DAY.replace(workspace.pk, sum_by_day(hours))
        latest = Delivery.objects.of(workspace).order_by().values_list("host").annotate(Max("last_attempt_at"))
        _write_endpoints(workspace, dict(latest))


def sum_by_day(hours: Rollups) -> Rollups:
    """Return the days' counts from the hours'."""
    days: Rollups = {}
    for (host, hour, reason), one in hours.items():
        days.setdefault(RollupKey(host, day_of(hour), reason), RollupCount()).add(one.count, one.histogram)
    return days


def _write_endpoints(workspace: Workspace, latest: dict[str, datetime]) -> None:
    Endpoint.objects.bulk_create(
        [Endpoint(workspace=workspace, host=host, last_attempt_at=at) for host, at in latest.items()],
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "host"],
        update_fields=["last_attempt_at"],
    )
