"""What the key rules would have observed in the past, and calculations that past and present share."""

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import TruncDay, TruncHour

from alerts.engine.rule_kinds import DataPoint
from alerts.models import Rule
from keys.log import sources
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Workspace

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# A key's usual pattern is its traffic of this period; fewer than FEWEST requests an hour are too few for a rate.
PATTERN = timedelta(days=7)
FEWEST = 20


def customer_requests(keys: Sequence[ApiKey], since: datetime, until: datetime) -> QuerySet[LoggedRequest]:
    """Return the customer's requests with ``keys`` in a time range, unordered."""
    rows = LoggedRequest.objects.by_customer().filter(key__in=keys, created_at__gte=since, created_at__lt=until)
    return rows.order_by()


def percent_failed(count: int, failed: int, least: int) -> Decimal:
    """Return the percentage of failures; 0 for fewer than ``least`` requests."""
    return Decimal(round(100 * failed / count, 1)) if count >= least else Decimal(0)


def least_of(rule: Rule) -> int:
    """Return the minimum number of requests for a share of errors to be more than chance."""
    return int(rule.parameters.get("least", FEWEST))


def busy_hour(ordered: Sequence[int]) -> int:
    """Return the 95th percentile of ``ordered``, the requests of hours that had any, fewest first."""
    return ordered[ceil(0.95 * len(ordered)) - 1]


def times_usual(count: int, usual: int) -> Decimal:
    """Return how many times its busy hour a key's hour is; busy hours count as at least FEWEST requests."""
    return round(Decimal(count) / max(usual, FEWEST), 1)


def errors(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield each key's share of errors in every past hour, and in the current one so far."""
    keys = list(ApiKey.objects.of(workspace))
    failed = Count("pk", filter=Q(status_code__gte=400))
    rows = customer_requests(keys, since, until).annotate(hour=TruncHour("created_at")).values_list("key", "hour")
    for key_id, hour, count, wrong in rows.annotate(Count("pk"), failed=failed).order_by("hour"):
        yield DataPoint(min(hour + HOUR, until), percent_failed(count, wrong, least_of(rule)), str(key_id))


def expiry(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield for each key when it came within the rule's number of days of its expiry."""
    days = timedelta(days=float(rule.threshold))
    for key in ApiKey.objects.of(workspace).filter(expires_at__isnull=False):
        if key.expires_at and since <= (at := key.expires_at - days) <= until:
            yield DataPoint(at, Decimal(rule.threshold) - Decimal("0.01"), str(key.key_id))


def rate(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield how many times its busy hour each key used, for every past hour and the current one so far.

    The busy hour is that of the week before.
    """
    log = customer_requests(list(ApiKey.objects.of(workspace)), since - PATTERN, until)
    rows = log.annotate(hour=TruncHour("created_at")).values_list("key", "hour").annotate(count=Count("pk"))
    by_key: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
    for key_id, hour, count in rows.order_by("hour"):
        by_key[key_id].append((hour, count))
    for key_id, hours in by_key.items():
        yield from (DataPoint(at, value, str(key_id)) for at, value in _times_busy_by_hour(hours, until) if at >= since)


def _times_busy_by_hour(hours: Sequence[tuple[datetime, int]], until: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """Yield the end of each hour with its rate, and zero after a quiet hour; nothing after ``until``."""
    week: deque[tuple[datetime, int]] = deque()
    ordered: list[int] = []
    for index, (hour, count) in enumerate(hours):
        while week and week[0][0] < hour - PATTERN:
            del ordered[bisect_left(ordered, week.popleft()[1])]
        is_known = bool(week) and hour - week[0][0] >= DAY
        yield (
            min(hour + HOUR, until),
            times_usual(count, busy_hour(ordered)) if is_known and count >= FEWEST else Decimal(0),
        )
        over = hour + 2 * HOUR
        if over <= until and (index + 1 == len(hours) or hours[index + 1][0] > hour + HOUR):
            yield over, Decimal(0)
        week.append((hour, count))
        insort(ordered, count)


def waking(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield how many days each key was unused, whenever it was used again after a day or more."""
    keys = {key.pk: key for key in ApiKey.objects.of(workspace)}
    earlier = LoggedRequest.objects.by_customer().filter(key__in=keys, created_at__lt=since).order_by()
    latest = dict(earlier.values_list("key").annotate(Max("created_at")))
    days = (
        customer_requests(list(keys.values()), since, until)
        .annotate(day=TruncDay("created_at"))
        .values_list("key", "day")
    )
    for key_id, _day, first, last in days.annotate(Min("created_at"), Max("created_at")).order_by("day"):
        before = latest.get(key_id) or keys[key_id].unused_since
        latest[key_id] = last
        if before is not None and (idle := first - before) >= DAY:
            yield DataPoint(first, Decimal(idle.days), str(key_id))
            yield DataPoint(first + DAY, Decimal(0), str(key_id))


def new_sources(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield how many IP addresses and programs were new to each key within a day, at each change."""
    for key_id, seen in sources.past_new_sources(list(ApiKey.objects.of(workspace)), since, until).items():
        changes = sorted([(source.first_seen_at, 1) for source in seen] + [(s.first_seen_at + DAY, -1) for s in seen])
        count = 0
        for at, change in changes:
            count += change
            yield DataPoint(at, Decimal(count), str(key_id))
