"""What was used in the present month or week of many workspaces, in three queries for all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain

from django.db.models import Case, DateTimeField, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from usage.budgets.periods import Period
from usage.changes.facts import ZERO
from usage.changes.interpretation import CENT
from usage.models import BalanceChange, BalanceChangeQuerySet, BalanceReading, Budget
from usage.rounding import bounds, estimated
from workspaces.models import Workspace

AMOUNTS = ("topped_up", "top_up_low", "top_up_high", "corrected")


@dataclass(frozen=True)
class Used:
    """What was used: likely ``credits``, at least ``low`` and at most ``high``; net, as everything that is spent.

    It is known from ``since`` on: the beginning of the period, or the first reading where that came later. It is as of
    ``read_at``; where that lies before the period nothing was read in it yet.
    """

    credits: Decimal
    low: Decimal
    high: Decimal
    since: datetime
    read_at: datetime

    @property
    def is_range(self) -> bool:
        """Say whether the figure is an estimate."""
        return self.low != self.high


def used_in(periods: Mapping[int, Period], latest: Mapping[int, BalanceReading]) -> dict[int, Used]:
    """Return what each workspace has used since its period began, by its ``latest`` reading; none without one."""
    known = {pk: (period, latest[pk]) for pk, period in periods.items() if pk in latest}
    if not known:
        return {}
    openings, changes = _openings(periods), BalanceChange.objects.filter(_inside(known))
    sums = {pk: [Decimal(one or 0).quantize(CENT) for one in found] for pk, *found in _sums(changes)}
    across = {row.workspace_id: row for row in changes.filter(_across(known), is_gap=True)}
    return {
        pk: _used(period, openings[pk], reading, sums.get(pk, [ZERO] * len(AMOUNTS)), across.get(pk))
        for pk, (period, reading) in known.items()
    }


def _openings(periods: Mapping[int, Period]) -> dict[int, BalanceReading]:
    """Return the reading that held when each period began, or the first of all where that came later."""
    whens = (When(pk=pk, then=Value(period.start)) for pk, period in periods.items())
    rows = BalanceReading.objects.filter(workspace=OuterRef("pk"))
    held = rows.filter(first_read_at__lte=OuterRef("begin")).order_by("-first_read_at").values("pk")
    first = rows.order_by("first_read_at").values("pk")
    workspaces = Workspace.objects.filter(pk__in=periods).annotate(begin=Case(*whens, output_field=DateTimeField()))
    ids = workspaces.annotate(reading=Coalesce(Subquery(held[:1]), Subquery(first[:1]))).values("reading")
    return {row.workspace_id: row for row in BalanceReading.objects.filter(pk__in=ids)}


def _inside(known: Mapping[int, tuple[Period, BalanceReading]]) -> Q:
    """Keep the changes of each period up to the reading at hand: what lands meanwhile counts the next time."""
    found = Q()
    for pk, (period, reading) in known.items():
        found |= Q(workspace=pk, until__gt=period.start, until__lte=reading.first_read_at)
    return found


def _across(known: Mapping[int, tuple[Period, BalanceReading]]) -> Q:
    found = Q()
    for pk, (period, _) in known.items():
        found |= Q(workspace=pk, since__lt=period.start)
    return found


def _sums(changes: BalanceChangeQuerySet) -> Iterator[tuple[int, Decimal, Decimal, Decimal, Decimal]]:
    rows = changes.telling().order_by().values_list("workspace")
    yield from rows.annotate(*(Sum(name) for name in AMOUNTS))


def _used(
    period: Period, opening: BalanceReading, reading: BalanceReading, sums: list[Decimal], across: BalanceChange | None
) -> Used:
    added, least, most, corrected = sums
    fallen = opening.credits - reading.credits + corrected
    likely, low, high = fallen + added, fallen + least, fallen + most
    if across:
        # How much of it was spent before the period began nobody knows.
        share = Decimal((period.start - across.since) / (across.until - across.since)).quantize(CENT)
        likely, low = likely - across.spent * share, low - max(ZERO, across.spent_low)
    likely, low, high = (max(ZERO, one).quantize(CENT) for one in (likely, low, high))
    likely, (low, high) = estimated(likely, high - low), bounds(low, high)
    return Used(likely, low, high, max(period.start, opening.first_read_at), reading.read_at)


def used_along(
    workspace: Workspace, budget: Budget, since: datetime, until: datetime
) -> Iterator[tuple[datetime, Period, Decimal]]:
    """Yield the most that had been used at each reading from the period of ``since`` on, in two queries.

    Where a period ends it is said of it that nothing is used of it any more, and of the next that nothing is yet.
    """
    period = budget.period_at(since)
    readings = BalanceReading.objects.of(workspace)
    opening = readings.begun_by(period.start)
    rows = readings.filter(first_read_at__gte=opening.first_read_at if opening else period.start)
    columns = ("first_read_at", "credits", "change__top_up_high", "change__corrected")
    before: Decimal | None = None
    used = ZERO
    known = rows.filter(first_read_at__lte=until).order_by("first_read_at").values_list(*columns)
    for at, credits_, topped_up, corrected in chain(known.iterator(), [(until, None, None, None)]):
        while at > period.end:
            yield period.end, period, ZERO
            period, used = budget.period_at(period.end), ZERO
            yield period.start, period, used
        if credits_ is None:
            return
        if before is not None and at > period.start:
            used += before - credits_ + (topped_up or ZERO) + (corrected or ZERO)
        before = credits_
        yield max(at, period.start), period, max(ZERO, used)
