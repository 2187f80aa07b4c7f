"""What was spent, topped up and reserved, from readings and their interpreted changes (``usage.changes``)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F, Max, OuterRef, Q, QuerySet, Subquery, Sum

from core import clock
from core.db.rollups import HOUR
from usage.changes.types import SKEW, ZERO, Mark
from usage.models import SIGNIFICANT, BalanceChange, BalanceHour, BalanceReading
from usage.readings import longest_pause
from usage.rounding import round_estimate
from webhooks.models import Workflow
from workspaces.models import Workspace
from workspaces.polling.registry import BALANCE

# Percentage thresholds refer to the highest balance of this time, or since the last top-up of at least this share of
# it: a small one does not change what is usual.
BASE = timedelta(days=90)
LARGE = Decimal("0.25")

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class SpentCredits:
    """The credits spent in a span of time: likely ``credits``, at least ``low`` and at most ``high``.

    All are net: credits reserved by running workflows count until they are returned. Without any reading in the span
    they are zero, and so is ``covered``, the share of the span (0 to 1) that readings cover.
    """

    since: datetime
    until: datetime
    credits: Decimal
    topped_up: Decimal
    covered: float
    low: Decimal = ZERO
    high: Decimal = ZERO

    @property
    def is_range(self) -> bool:
        """Return whether the figure is an estimate."""
        return self.low != self.high

    @property
    def rounded(self) -> Decimal:
        """Return ``credits`` as precisely as they are known."""
        return min(self.high, max(self.low, round_estimate(self.credits, self.high - self.low)))


@dataclass(frozen=True)
class TopUp:
    """Added credits: likely ``credits``, at least ``low`` and at most ``high``; ``balance`` is right after."""

    at: datetime
    credits: Decimal
    balance: Decimal
    low: Decimal = ZERO
    high: Decimal = ZERO
    change: BalanceChange | None = None

    @property
    def is_range(self) -> bool:
        """Return whether the figure is an estimate."""
        return self.low != self.high


def latest_reading(workspace: Workspace) -> BalanceReading | None:
    return BalanceReading.objects.latest_of(workspace)


def top_ups(workspace: Workspace, since: datetime, until: datetime | None = None) -> list[TopUp]:
    """Return the top-ups seen after ``since`` and by ``until`` (now by default), oldest first, in one query."""
    rows = BalanceChange.objects.of(workspace).between(since, until or clock.cached_now()).top_ups()
    return [TopUp(row.until, row.topped_up, row.after, row.top_up_low, row.top_up_high, row) for row in rows]


def last_peak(workspace: Workspace, now: datetime | None = None) -> Decimal | None:
    """Return the reference of percentage thresholds, as in ``peaks_by_workspace``. None before the first reading."""
    return peaks_by_workspace([workspace.pk], now or clock.cached_now()).get(workspace.pk)


def peaks_by_workspace(workspaces: Sequence[int], now: datetime) -> Mapping[int, Decimal]:
    """Return each workspace's highest balance since its last large top-up, at most 90 days ago, in two queries.

    A large one is at least a quarter of the highest balance of that time, and certain or confirmed by a person.
    """
    since = now - BASE
    hours = BalanceHour.objects.filter(workspace__in=workspaces, hour__gte=since - timedelta(hours=1), hour__lte=now)
    highest = dict(hours.order_by().values_list("workspace").annotate(Max("highest")))
    of_base = hours.filter(workspace=OuterRef("workspace")).order_by().values("workspace")
    large = BalanceChange.objects.filter(
        workspace__in=highest, until__range=(since, now), topped_up__gt=0, top_up_low__gt=0
    ).alias(base=Subquery(of_base.annotate(peak=Max("highest")).values("peak")))
    large = large.filter(topped_up__gte=F("base") * LARGE)
    later = BalanceHour.objects.filter(workspace=OuterRef("workspace"), hour__gt=OuterRef("until"), hour__lte=now)
    # The maximum of the top-up's own hour may be from before it; readings show what came after.
    soon = BalanceReading.objects.filter(
        workspace=OuterRef("workspace"),
        first_read_at__range=(OuterRef("until"), ExpressionWrapper(OuterRef("until") + HOUR, DateTimeField())),
        first_read_at__lte=now,
    )
    for workspace, *peaks in large.order_by("until").values_list(
        "workspace", "after", _highest(later, "highest"), _highest(soon, "credits")
    ):
        highest[workspace] = max(peak for peak in peaks if peak is not None)
    return highest


def _highest(rows: QuerySet[Any], name: str) -> Subquery:
    return Subquery(rows.order_by().values("workspace").annotate(peak=Max(name)).values("peak"))


def past_peaks(workspace: Workspace, since: datetime, until: datetime) -> Iterator[tuple[datetime, Decimal, Decimal]]:
    """Yield when each balance began, the balance, and the reference of percentage thresholds at that time.

    The reference starts as it was at ``since``; peaks from before that leave the 90 days meanwhile are not considered.
    """
    peak = last_peak(workspace, since) or ZERO
    before = BalanceHour.objects.filter(workspace=workspace, hour__range=(since - BASE - HOUR, since))
    highest: Decimal = before.aggregate(peak=Max("highest"))["peak"] or ZERO
    rows = BalanceReading.objects.of(workspace).with_changes().filter(read_at__gte=since, first_read_at__lte=until)
    known = rows.order_by("first_read_at").values_list("first_read_at", "credits", "topped_up", "change__top_up_low")
    for at, credits_, topped_up, at_least in known:
        highest = max(highest, credits_)
        is_large = at > since and at_least and topped_up >= highest * LARGE
        peak = credits_ if is_large else max(peak, credits_)
        yield at, credits_, peak


def spent_between(workspace: Workspace, since: datetime, until: datetime | None = None) -> SpentCredits:
    """Return the spending from ``since`` to ``until`` (now by default), in six queries however long the span."""
    return spent_within(workspace, [(since, until or clock.cached_now())])[0]


def spent_within(workspace: Workspace, spans: Sequence[Span]) -> list[SpentCredits]:
    """Return the spending within each of ``spans``, with one more query for each time that another one begins or ends.

    It is at least the known cost of enrichments in that time.
    """
    readings = BalanceReading.objects.of(workspace)
    first = readings.order_by("first_read_at").first()
    current = {at: readings.begun_by(at) for at in {at for span in spans for at in span}} if first else {}
    last = max((until for _, until in spans if current.get(until)), default=None)
    if first is None or last is None:
        return [SpentCredits(since, until, ZERO, ZERO, 0.0) for since, until in spans]
    begin = min(since for since, _ in spans)
    rows = BalanceChange.objects.of(workspace).between(begin, _next_reading_start(workspace, last))
    poll = workspace.polls.filter(resource=BALANCE).values_list("interval_seconds", flat=True).first()
    history = _History(first, current, list(rows.filter(SIGNIFICANT | Q(mark=Mark.REFUND))), longest_pause(poll or 60))
    charged = _charged(workspace, [history.watched(*span) for span in spans])
    return [history.spent(*span, at_least) for span, at_least in zip(spans, charged, strict=True)]


def _charged(workspace: Workspace, spans: Sequence[Span]) -> list[Decimal]:
    """Return the known cost of enrichments that began and ended within each of ``spans``."""
    begin, end = min(since for since, _ in spans), max(until for _, until in spans)
    sums = (
        Workflow.objects.of(workspace)
        .filter(completed_at__range=(begin, end - SKEW))
        .aggregate(
            **{
                f"of_{place}": Sum(
                    "credits_charged",
                    filter=Q(submitted_at__gte=since + SKEW, completed_at__lte=until - SKEW),
                    default=ZERO,
                )
                for place, (since, until) in enumerate(spans)
            }
        )
    )
    return [sums[f"of_{place}"] for place in range(len(spans))]


def _next_reading_start(workspace: Workspace, at: datetime) -> datetime:
    """Return when the reading after ``at`` began: the gap before it may extend into the span."""
    later = BalanceReading.objects.of(workspace).filter(first_read_at__gt=at).order_by("first_read_at")
    return later.values_list("first_read_at", flat=True).first() or at


@dataclass(frozen=True)
class _History:
    """``current`` are the readings at certain times.

    ``changes`` are those with more than spending, refunds, and those after a gap.
    """

    first: BalanceReading
    current: Mapping[datetime, BalanceReading | None]
    changes: list[BalanceChange]
    longest_pause: timedelta

    def watched(self, since: datetime, until: datetime) -> Span:
        """Return the part of the span between the first and the last reading."""
        last = self.current[until] or self.first
        return max(since, self.first.first_read_at), min(until, last.read_at)

    def spent(self, since: datetime, until: datetime, charged: Decimal) -> SpentCredits:
        opening, last = self.current[since] or self.first, self.current[until]
        if last is None:
            return SpentCredits(since, until, ZERO, ZERO, 0.0)
        inside = [row for row in self.changes if since < row.until <= until]
        fallen = opening.credits - last.credits + sum((row.corrected for row in inside), ZERO)
        added = sum((row.topped_up for row in inside), ZERO)
        low = sum((row.top_up_low for row in inside), ZERO)
        high = sum((row.top_up_high for row in inside), ZERO)
        refunded = sum((max(ZERO, row.delta) for row in inside if row.mark == Mark.REFUND), ZERO)
        likely, least, most = (max(ZERO, charged - refunded, fallen + some) for some in (added, low, high))
        return SpentCredits(since, until, likely, added, self._covered(since, until, last), least, most)

    def _covered(self, since: datetime, until: datetime, last: BalanceReading) -> float:
        """Return the share that is neither before the first reading, nor in a gap, nor after the last."""
        begin = max(since, self.first.first_read_at)
        # Right after a reading, the next one is not late yet.
        end = until if until - last.read_at <= self.longest_pause else max(begin, last.read_at)
        missing = timedelta(0)
        for row in self.changes:
            if row.is_gap:
                missing += max(timedelta(0), min(end, row.until) - max(begin, row.since))
        length = until - since
        return max(0.0, min(1.0, (end - begin - missing) / length)) if length > timedelta(0) else 0.0
