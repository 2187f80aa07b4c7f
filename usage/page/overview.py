"""The data of the usage page, its marks and the bar of the budget, in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum
from django.http import QueryDict

from alerts.models import Alert
from core.charts.chart import Chart, Mark
from core.formatting import counted, format_number
from keys.models import ApiKey, mark_namesakes
from usage.budgets.status import BudgetStatus, budget_status
from usage.burn import SpentCredits, TopUp, spent_within, top_ups
from usage.changes.types import ZERO
from usage.credit_status import credit_statuses
from usage.forecast.runway import NO_READING, ONE_BATCH, Runway, burn_of, forecast
from usage.models import BalanceChange, BalanceChangeQuerySet, BalanceHour, BalanceImport, BalanceReading
from usage.page import chart, series
from usage.page.change_explanation import ChangeExplanation
from usage.page.ranges import DAY, Range, RangeForm
from usage.page.series import Bin
from usage.spend.breakdown import LONGEST, SpendBreakdown, spend_breakdown
from usage.spend.enrichments import EnrichmentSummary, summarize_enrichments
from usage.thresholds import Threshold, balance_thresholds
from workspaces.error_messages import ErrorMessage, explain_kind
from workspaces.models import Poll, Workspace

# From this share of watched time on, a sum is taken to be whole.
WHOLE = 0.97
MOST_TOP_UPS = 50
MOST_DOUBTFUL = 5
MOST_MARKS = 100  # of each kind
BAR_WIDTH = 1000
# The bar extends this far beyond the values that must be visible; anything further, such as a wide interval, is cut
# off.
BAR_ROOM, MOST_ROOM = Decimal("1.08"), Decimal("1.5")


@dataclass(frozen=True)
class BarSegment:
    """A segment of the bar, starting at ``x``, in thousandths of its width."""

    x: float
    width: float


@dataclass(frozen=True)
class BudgetBar:
    """The bar; ``words`` say the same in text. ``goes_on`` means that the interval extends further, or may do so."""

    budget: float
    used: BarSegment
    maybe: BarSegment
    median: BarSegment | None
    interval: BarSegment | None
    goes_on: bool
    level: str
    words: str


def budget_bar(one: BudgetStatus) -> BudgetBar:
    """Return the bar of a budget with known usage."""
    used, end, budget = one.used, one.end, one.budget.credits
    assert used is not None  # noqa: S101 - as the caller has seen
    seen = max(budget, used.high, end.median if end else budget)
    full = min(max(seen, end.high if end else seen), seen * MOST_ROOM) * BAR_ROOM

    def stretch(low: Decimal, high: Decimal) -> BarSegment:
        left, right = (round(min(1.0, float(amount / full)) * BAR_WIDTH, 1) for amount in (low, high))
        return BarSegment(left, round(right - left, 1))

    return BudgetBar(
        budget=stretch(budget, full).x,
        used=stretch(Decimal(0), used.low),
        maybe=stretch(used.low, used.high),
        median=stretch(used.high, max(used.high, end.median)) if end else None,
        interval=stretch(end.low, end.high) if end else None,
        goes_on=end is not None and (end.is_open or end.high > full),
        level=_level(one),
        words=f"{one.words}. Forecast: {one.outlook_words}.",
    )


def _level(one: BudgetStatus) -> str:
    return "danger" if one.is_passed else "warning" if one.is_close else "ok"


def events(workspace: Workspace, span: Range, top_ups: Sequence[TopUp]) -> list[Mark]:
    """Return the marks of ``span`` in two queries; of very many, the latest."""
    known = [_top_up(one) for one in top_ups if span.since <= one.at <= span.until]
    return [*known, *_keys(workspace, span), *_alerts(workspace, span)]


def _top_up(one: TopUp) -> Mark:
    about = "about " if one.is_range else ""
    amount = counted(round(one.credits, 2), "credit")
    return Mark(one.at, "top-up", f"Top-up of {about}{amount}", f"+{format_number(one.credits)}")


def _keys(workspace: Workspace, span: Range) -> list[Mark]:
    inside = (span.since, span.until)
    rows = ApiKey.objects.of(workspace).filter(Q(created_at__range=inside) | Q(revoked_at__range=inside))
    found: list[Mark] = []
    for key in mark_namesakes(rows.order_by("-first_seen_at", "pk")[:MOST_MARKS]):
        if key.created_at and span.since <= key.created_at <= span.until:
            found.append(Mark(key.created_at, "created", f"Key created: {key.label}"))
        if key.revoked_at and span.since <= key.revoked_at <= span.until:
            found.append(Mark(key.revoked_at, "revoked", f"Key revoked: {key.label}"))
    return found


def _alerts(workspace: Workspace, span: Range) -> list[Mark]:
    rows = Alert.objects.filter(workspace=workspace, fired_at__range=(span.since, span.until)).order_by("-fired_at")
    return [
        Mark(at, "alert", f"Alert: {name}") for at, name in rows.values_list("fired_at", "rule_name")[:MOST_MARKS] if at
    ]


# From this share of watched time on, a sum is taken to be whole.
@dataclass(frozen=True)
class Spending:
    """The credits spent in the range, and in the equally long one before it."""

    spent: SpentCredits
    before: SpentCredits

    @property
    def is_known(self) -> bool:
        """Return whether there is anything to show."""
        return self.spent.covered > 0

    @property
    def is_partial(self) -> bool:
        """Return whether so much was unwatched that the figure should say so."""
        return self.spent.covered < WHOLE

    @property
    def percent(self) -> int:
        """Return the watched percentage; below 100 the figure may be too low."""
        return min(100, round(100 * self.spent.covered))

    @property
    def is_comparable(self) -> bool:
        """Return whether both periods were watched, so that their difference means something."""
        return not self.is_partial and self.before.covered >= WHOLE

    @property
    def is_over_tenfold(self) -> bool:
        """Return whether so much more was spent than in the period before that a percentage would mean nothing."""
        return 0 < 10 * self.before.credits < self.spent.credits

    @property
    def change_percent(self) -> int | None:
        """Return the change from the period before; None if nothing was spent in it."""
        return round(100 * (self.spent.credits / self.before.credits - 1)) if self.before.credits > 0 else None


@dataclass(frozen=True)
class Ahead:
    """A level, and when the balance reaches it."""

    level: Threshold
    runway: Runway


@dataclass
class Overview:
    """The data of one workspace's usage page."""

    workspace: Workspace
    picker: RangeForm
    now: datetime
    latest: BalanceReading | None
    first: BalanceReading | None
    poll: Poll | None
    bins: list[Bin]
    chart: Chart | None
    spent_chart: Chart | None
    events: list[Mark]
    spending: Spending
    top_ups: list[TopUp]
    demo: BalanceImport | None
    doubtful: list[ChangeExplanation]
    said: list[ChangeExplanation]
    returned: Decimal
    ahead: Sequence[Ahead]
    what_if: Runway | None
    breakdown: SpendBreakdown
    enrichments: EnrichmentSummary
    budget: BudgetStatus | None

    longest_spending = LONGEST

    @property
    def span(self) -> Range:
        """Return the range that is shown."""
        return self.picker.span

    @property
    def runway(self) -> Runway:
        """Return the forecast for zero."""
        return self.ahead[-1].runway

    @property
    def rough(self) -> str:
        """Return a short reason why the forecast has no dates."""
        return "less than one cycle seen" if self.runway.caveat == ONE_BATCH else "provisional"

    @property
    def has_dates(self) -> bool:
        """Return whether the forecast has a date for any level."""
        return any(one.runway.median_at for one in self.ahead)

    @property
    def topped_up(self) -> Decimal:
        """Return the credits that were topped up in the range."""
        return self.spending.spent.topped_up

    @property
    def unseen_levels(self) -> list[Decimal]:
        """Return the alert levels that are not on the chart, highest first."""
        axis = self.chart.plot.axis if self.chart else None
        levels = [one.level.credits for one in self.ahead if one.level.rule]
        return [level for level in levels if axis and not axis.low <= level <= axis.high]

    @property
    def budget_bar(self) -> BudgetBar | None:
        """Return the budget's bar; None if there is no budget or its usage is unknown."""
        return budget_bar(self.budget) if self.budget and self.budget.used else None

    @property
    def is_young(self) -> bool:
        """Return whether the history is shorter than the range, so that the chart begins with it."""
        return self.first is not None and self.first.first_read_at > self.span.since

    @property
    def failure(self) -> ErrorMessage | None:
        """Return why the last reading failed, or None if it succeeded."""
        if self.poll is None or not self.poll.consecutive_failures:
            return None
        return explain_kind(self.poll.last_error_kind, self.poll.last_error, self.poll.last_request_id)


def overview_of(workspace: Workspace, query: QueryDict, now: datetime, more: Decimal | None = None) -> Overview:
    """Collect the page's data; ``query`` has the range, ``more`` credits on top of the balance answer the what-if."""
    [credits_] = credit_statuses([workspace], now)
    latest, first = credits_.latest, BalanceReading.objects.of(workspace).order_by("first_read_at").first()
    picker = RangeForm(query, first, now)
    span = picker.span
    levels = balance_thresholds(workspace)
    ahead, what_if = _forecasts(workspace, latest, levels, now, more)
    bought = top_ups(workspace, min(span.since, now - 365 * DAY))
    hours = BalanceHour.objects.filter(workspace=workspace, hour__range=(span.since, span.until))
    drawn = _draw(workspace, span, levels, ahead if span.is_live and latest else (), bought)
    return Overview(
        workspace=workspace,
        picker=picker,
        now=now,
        latest=latest,
        first=first,
        poll=credits_.poll,
        bins=drawn.bins,
        chart=drawn.balance,
        spent_chart=drawn.spent,
        events=drawn.events,
        spending=_spending(workspace, span),
        top_ups=bought[::-1][:MOST_TOP_UPS],
        demo=BalanceImport.objects.filter(workspace=workspace, is_demo=True, undone_at=None).first(),
        doubtful=_explained(workspace, BalanceChange.objects.uncertain(), now)[:MOST_DOUBTFUL],
        said=_explained(workspace, BalanceChange.objects.exclude(mark="").order_by("-until"), now)[:MOST_TOP_UPS],
        returned=hours.aggregate(credits=Sum("returned"))["credits"] or ZERO,
        ahead=ahead,
        what_if=what_if,
        breakdown=spend_breakdown(workspace, span.length, span.until),
        enrichments=summarize_enrichments(workspace, span.until - min(span.length, LONGEST), span.until),
        budget=budget_status(credits_),
    )


@dataclass(frozen=True)
class _Drawn:
    bins: list[Bin]
    events: list[Mark]
    balance: Chart | None = None
    spent: Chart | None = None


def _draw(
    workspace: Workspace, span: Range, levels: Sequence[Threshold], ahead: Sequence[Ahead], bought: Sequence[TopUp]
) -> _Drawn:
    """Return the charts and the table of ``span``; ``bins`` are newest first, for the table."""
    found, marks = series.samples(workspace, span), events(workspace, span, bought)
    if not found:
        return _Drawn([], marks)
    rows = series.bins(found, chart.begin_of(found, span), span.until)
    watched = [level.credits for level in levels if level.rule]
    cone = None
    if span.length >= DAY and any(one.runway.median_at for one in ahead):
        steps = [(float(one.level.credits), one.runway) for one in ahead]
        cone = chart.Forecast(span.until, float(found[-1].credits), steps)
    balance = chart.balance_chart(found, span, watched, marks, cone)
    return _Drawn(rows[::-1], marks, balance, chart.spent_chart(rows, span, until=balance.plot.end))


def _spending(workspace: Workspace, span: Range) -> Spending:
    return Spending(*spent_within(workspace, [(span.since, span.until), (span.since - span.length, span.since)]))


def _explained(workspace: Workspace, rows: BalanceChangeQuerySet, now: datetime) -> list[ChangeExplanation]:
    """Return the changes within the page's longest range, newest first."""
    recent = rows.of(workspace).filter(until__gt=now - 365 * DAY).select_related("marked_by")
    return [ChangeExplanation(row) for row in recent[:MOST_TOP_UPS]]


def _forecasts(
    workspace: Workspace,
    latest: BalanceReading | None,
    levels: Sequence[Threshold],
    now: datetime,
    more: Decimal | None,
) -> tuple[list[Ahead], Runway | None]:
    """Return when each level is reached, and zero with ``more`` credits, both from one learned pattern."""
    if latest is None:
        nothing = Runway(ZERO, reason=NO_READING)
        return [Ahead(levels[-1], nothing)], nothing if more is not None else None
    thresholds = [level.credits for level in levels] + ([] if more is None else [-more])
    found = forecast(burn_of(workspace, now), latest.credits, thresholds, now)
    ahead = [Ahead(level, one) for level, one in zip(levels, found, strict=False)]
    return ahead, found[-1] if more is not None else None
