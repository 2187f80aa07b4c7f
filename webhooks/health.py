"""Health of endpoints: their figures, failures in groups, and which endpoints fail now.

A constant number of queries. Attempts are counted by day and hour (``webhooks.ingest.endpoint_rollups``); deliveries
in a row and failures in groups are counted by index within a bounded interval, so that the work grows with what
happened in it, and not with the history before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce

from core import clock
from core.db.histogram import Histogram, merge, percentile
from core.db.rollups import day_of
from webhooks.models import Delivery, DeliveryState, Endpoint, EndpointDay, EndpointHour
from workspaces.models import Workspace

PERIOD = timedelta(days=7)
DAY = timedelta(days=1)
# So many failed deliveries in a row are no accident.
FAILING_IN_A_ROW = 3
MAX_ENDPOINTS, MAX_GROUPS = 12, 50


@dataclass(frozen=True)
class EndpointHealth:
    """One endpoint's figures: attempts by the hour, and deliveries in a row up to now.

    ``p50_ms`` and ``p95_ms`` are of attempts that took a known time, at most 9.1 % off; None where none did.
    Deliveries that are still being retried are in no row.
    """

    host: str
    attempts: int
    accepted: int
    p50_ms: float | None
    p95_ms: float | None
    delivered_in_a_row: int
    failed_in_a_row: int
    last_attempt_at: datetime
    last_failure_at: datetime | None
    last_reason: str  # of the latest failed delivery, a name from ``webhooks.reasons``

    @property
    def success_rate(self) -> float | None:
        """Return the share of attempts that were acknowledged, 0 to 1; None where none was made."""
        return self.accepted / self.attempts if self.attempts else None

    @property
    def is_failing(self) -> bool:
        """Return whether so many of the latest deliveries failed in a row that it is no accident."""
        return self.failed_in_a_row >= FAILING_IN_A_ROW


@dataclass(frozen=True)
class FailureGroup:
    """Deliveries to one endpoint that have not arrived for one reason: how many, and from when to when.

    ``failed`` of them failed for good; ``failed_in_all`` is that of all groups, those included that are not returned.
    """

    host: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    failed: int
    failed_in_all: int


@dataclass(frozen=True)
class FailureSummary:
    """The endpoints of a workspace that fail now, and its failed deliveries of the last day."""

    hosts: tuple[str, ...]
    deliveries: int


def endpoints(
    workspace: Workspace, since: datetime | None = None, *, limit: int = MAX_ENDPOINTS
) -> list[EndpointHealth]:
    """Return the figures of the endpoints last used, failing ones first; three queries. Default: the last 7 days."""
    start = since or clock.cached_now() - PERIOD
    rows = list(_with_streaks(_used(workspace, start), start)[:limit])
    counts: dict[str, dict[str, int]] = {}
    histograms: dict[str, list[Histogram]] = {}
    for host, reason, count, histogram in _counts(workspace, [row.host for row in rows], start):
        by_reason = counts.setdefault(host, {})
        by_reason[reason] = by_reason.get(reason, 0) + count
        histograms.setdefault(host, []).append(histogram)
    found = [_health(row, counts.get(row.host, {}), merge(histograms.get(row.host, []))) for row in rows]
    return sorted(found, key=lambda health: -health.failed_in_a_row)


@dataclass(frozen=True)
class HourCount:
    """The attempts of one hour, by whether the endpoint accepted them."""

    hour: datetime
    accepted: int
    failed: int


def attempts_by_hour(workspace: Workspace, hosts: Collection[str], since: datetime) -> list[HourCount]:
    """Return the hours from ``since`` on in which attempts went to ``hosts``, oldest first; one query."""
    rows = EndpointHour.objects.filter(workspace=workspace, host__in=hosts, hour__gte=since).order_by("hour")
    counts = rows.values_list("hour").annotate(
        accepted=Coalesce(Sum("count", filter=Q(reason="")), 0), failed=Coalesce(Sum("count", filter=~Q(reason="")), 0)
    )
    return [HourCount(*row) for row in counts]


class _Total(Func):
    """The sum over all groups of what was counted in each, which ``Sum`` does not take."""

    function = "SUM"
    window_compatible = True
    output_field = IntegerField()


def failures(workspace: Workspace, since: datetime | None = None, *, limit: int = MAX_GROUPS) -> list[FailureGroup]:
    """Return what has not arrived, by endpoint and reason, the largest group first; one query. Default: 7 days."""
    start = since or clock.cached_now() - PERIOD
    rows = Delivery.objects.of(workspace).filter(~Q(state=DeliveryState.DELIVERED), last_attempt_at__gte=start)
    # A delivery whose first attempt still runs has no reason yet.
    rows = rows.exclude(reason="")
    groups = (  # of columns of one index, so that no row is read
        rows.order_by()
        .values("host", "reason")
        .annotate(count=Count("host"), first_at=Min("last_attempt_at"), last_at=Max("last_attempt_at"))
        .annotate(failed=Count("host", filter=Q(state=DeliveryState.FAILED)))
        .annotate(failed_in_all=Window(_Total("failed")))
    )
    return [FailureGroup(**row) for row in groups.order_by("-count", "-last_at")[:limit]]


def failure_summaries(workspaces: Iterable[Workspace], now: datetime | None = None) -> dict[int, FailureSummary]:
    """Return what fails in each workspace by its primary key, nothing where nothing does; two queries for all."""
    current_time = now or clock.cached_now()
    start, ids = current_time - PERIOD, [workspace.pk for workspace in workspaces]
    rows = _with_streaks(Endpoint.objects.filter(workspace__in=ids, last_attempt_at__gte=start), start)
    hosts: dict[int, list[str]] = {}
    failing = rows.filter(failed_in_a_row__gte=FAILING_IN_A_ROW).order_by("host")
    for pk, host in failing.values_list("workspace_id", "host"):
        hosts.setdefault(pk, []).append(host)
    failed = Delivery.objects.filter(
        ~Q(state=DeliveryState.DELIVERED),
        workspace__in=ids,
        state=DeliveryState.FAILED,
        last_attempt_at__gte=current_time - DAY,
    )
    counts = dict(failed.order_by().values_list("workspace").annotate(Count("pk")))
    return {
        pk: FailureSummary(tuple(hosts.get(pk, ())), counts.get(pk, 0))
        for pk in ids
        if pk in hosts or counts.get(pk, 0)
    }


Streaks = QuerySet[Any]  # deliveries with annotations


def streaks(workspaces: Collection[int], since: datetime) -> Streaks:
    """Return the endpoints used since then in ``workspaces``, with ``failed_in_a_row`` and ``last_bad``; one query."""
    return _with_streaks(Endpoint.objects.filter(workspace__in=workspaces, last_attempt_at__gte=since), since)


def count_failing_endpoints(now: datetime) -> dict[int, int]:
    """Return at how many hosts of each workspace webhooks fail now, where any do; one query for all."""
    start = now - PERIOD
    rows = _with_streaks(Endpoint.objects.filter(last_attempt_at__gte=start), start)
    found = rows.filter(failed_in_a_row__gte=FAILING_IN_A_ROW).order_by().values_list("workspace_id", flat=True)
    return Counter(found)


def _used(workspace: Workspace, since: datetime) -> QuerySet[Endpoint]:
    return Endpoint.objects.filter(workspace=workspace, last_attempt_at__gte=since)


def _counts(workspace: Workspace, hosts: list[str], start: datetime) -> Iterator[tuple[str, str, int, Histogram]]:
    """Yield host, reason, number and response times of attempts since ``start``: of whole days, and of hours before."""
    first_day = day_of(start - timedelta(microseconds=1)) + DAY
    of_hosts = {"workspace": workspace, "host__in": hosts}
    read = ("host", "reason", "count", "histogram")
    yield from EndpointDay.objects.filter(day__gte=first_day, **of_hosts).values_list(*read)
    yield from EndpointHour.objects.filter(hour__gte=start, hour__lt=first_day, **of_hosts).values_list(*read)


def _with_streaks(rows: Streaks, since: datetime) -> Streaks:
    """Add how many deliveries failed or arrived in a row; a few index look-ups for each endpoint."""
    # Found by its time; sorted again, PostgreSQL would read every failure of the workspace for its reason.
    worst = _deliveries(DeliveryState.FAILED).filter(last_attempt_at=OuterRef("last_bad"))
    annotated: Streaks = rows.annotate(
        last_ok=_latest(DeliveryState.DELIVERED),
        last_bad=_latest(DeliveryState.FAILED),
        last_bad_reason=Subquery(worst.order_by().values("reason")[:1]),
        failed_in_a_row=_streak(DeliveryState.FAILED, since, "last_ok"),
        delivered_in_a_row=_streak(DeliveryState.DELIVERED, since, "last_bad"),
    )
    return annotated.order_by("-last_attempt_at")


def _deliveries(state: DeliveryState) -> QuerySet[Delivery]:
    return Delivery.objects.filter(workspace=OuterRef("workspace"), host=OuterRef("host"), state=state)


def _latest(state: DeliveryState) -> Subquery:
    return Subquery(_deliveries(state).order_by("-last_attempt_at").values("last_attempt_at")[:1])


def _streak(state: DeliveryState, since: datetime, after: str) -> Case:
    """Count deliveries in ``state`` since the most recent one with the opposite outcome."""
    start = Coalesce(OuterRef(after), Value(since))
    rows = _deliveries(state).filter(last_attempt_at__gt=start, last_attempt_at__gte=since).order_by()
    counted = rows.values("host").annotate(n=Count("host")).values("n")  # of the index, unlike the key
    newest = "last_bad" if state == DeliveryState.FAILED else "last_ok"
    # Nothing is counted where the latest ended the other way, which is known already.
    other_way = Q(**{f"{newest}__isnull": True}) | Q(**{f"{newest}__lt": F(after)})
    return Case(
        When(other_way, then=Value(0)),
        default=Coalesce(Subquery(counted), Value(0)),
        output_field=IntegerField(),
    )


def _health(row: Endpoint, counts: dict[str, int], histogram: Histogram) -> EndpointHealth:
    facts = row.__dict__  # the annotations, which the model does not declare
    return EndpointHealth(
        host=row.host,
        attempts=sum(counts.values()),
        accepted=counts.get("", 0),
        p50_ms=percentile(histogram, 0.5),
        p95_ms=percentile(histogram, 0.95),
        delivered_in_a_row=facts["delivered_in_a_row"],
        failed_in_a_row=facts["failed_in_a_row"],
        last_attempt_at=row.last_attempt_at,
        last_failure_at=facts["last_bad"],
        last_reason=facts["last_bad_reason"] or "",
    )
