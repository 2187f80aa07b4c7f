"""The data of the usage page, in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.db.models import Sum

from usage.budgets.status import BudgetStatus, budget_status
from usage.burn import SpentCredits, TopUp, spent_since, top_ups
from usage.changes.types import ZERO
from usage.credit_status import credit_statuses
from usage.forecast.runway import NO_READING, ONE_BATCH, Runway, burn_of, forecast
from usage.models import BalanceChange, BalanceChangeQuerySet, BalanceHour, BalanceImport, BalanceReading
from usage.page import chart, series
from usage.page.change_explanation import ChangeExplanation
from usage.page.chart import BalanceChart, BudgetBar, budget_bar
from usage.page.ranges import DAY, Range, chosen
from usage.page.series import Bin
from usage.spend.breakdown import LONGEST, SpendBreakdown, spend_breakdown
from usage.spend.enrichments import EnrichmentSummary, summarize_enrichments
from usage.thresholds import Threshold, balance_thresholds
from workspaces.error_messages import ErrorMessage, explain_kind
from workspaces.models import Poll, Workspace

SPANS = (
    ("Last hour", timedelta(hours=1)),
    ("Last 24 hours", DAY),
    ("Last 7 days", 7 * DAY),
    ("Last 30 days", 30 * DAY),
)
MOST_TOP_UPS = 50
MOST_DOUBTFUL = 5


@dataclass(frozen=True)
class Burn:
    """The spending in one of the usual spans, and how much of it was watched."""

    label: str
    spent: SpentCredits
    is_young: bool

    @property
    def is_known(self) -> bool:
        """Return whether there is anything to show."""
        return self.spent.covered > 0

    @property
    def percent(self) -> int:
        """Return the watched percentage; below 100 the figure may be too low."""
        return min(100, round(100 * self.spent.covered))

    @property
    def is_partial(self) -> bool:
        """Return whether so much was unwatched that the figure should say so."""
        return self.spent.covered < 0.97


@dataclass(frozen=True)
class Ahead:
    """A level, and when the balance reaches it."""

    level: Threshold
    runway: Runway


@dataclass
class Overview:
    """The data of one workspace's usage page."""

    workspace: Workspace
    span: Range
    now: datetime
    latest: BalanceReading | None
    first: BalanceReading | None
    poll: Poll | None
    samples: list[series.Sample]
    chart: BalanceChart | None
    burns: list[Burn]
    top_ups: list[TopUp]
    demo: BalanceImport | None
    doubtful: list[ChangeExplanation]
    said: list[ChangeExplanation]
    returned: Decimal
    ahead: Sequence[Ahead]
    what_if: Runway | None
    spending: SpendBreakdown
    enrichments: EnrichmentSummary
    budget: BudgetStatus | None

    longest_spending = LONGEST

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

    @cached_property
    def bins(self) -> list[Bin]:
        """Return the chart's numbers as a table."""
        return series.bins(self.samples, self.span, self.now)

    @property
    def budget_bar(self) -> BudgetBar | None:
        """Return the budget's bar; None if there is no budget or its usage is unknown."""
        return budget_bar(self.budget) if self.budget and self.budget.used else None

    @property
    def is_young(self) -> bool:
        """Return whether the history is shorter than the range, so that the chart begins with it."""
        return self.first is not None and self.first.first_read_at > self.now - self.span.length

    @property
    def failure(self) -> ErrorMessage | None:
        """Return why the last reading failed, or None if it succeeded."""
        if self.poll is None or not self.poll.consecutive_failures:
            return None
        return explain_kind(self.poll.last_error_kind, self.poll.last_error, self.poll.last_request_id)


def overview_of(workspace: Workspace, range_name: str, now: datetime, more: Decimal | None = None) -> Overview:
    """Collect the page's data; ``more`` credits on top of the balance answer the what-if."""
    [credits_] = credit_statuses([workspace], now)
    latest, first = credits_.latest, BalanceReading.objects.of(workspace).order_by("first_read_at").first()
    span = chosen(range_name, first, now)
    found = series.samples(workspace, span, now)
    spent = spent_since(workspace, [now - length for _, length in SPANS], now)
    hours = BalanceHour.objects.filter(workspace=workspace, hour__gte=now - span.length)
    levels = balance_thresholds(workspace)
    ahead, what_if = _forecasts(workspace, latest, levels, now, more)
    return Overview(
        workspace=workspace,
        span=span,
        now=now,
        latest=latest,
        first=first,
        poll=credits_.poll,
        samples=found,
        chart=chart.draw_chart(found, span, now, [level.credits for level in levels if level.rule]),
        burns=[
            Burn(label, one, first is None or first.first_read_at > one.since)
            for (label, _), one in zip(SPANS, spent, strict=True)
        ],
        top_ups=top_ups(workspace, now - max(span.length, 365 * DAY))[::-1][:MOST_TOP_UPS],
        demo=BalanceImport.objects.filter(workspace=workspace, is_demo=True, undone_at=None).first(),
        doubtful=_explained(workspace, BalanceChange.objects.uncertain(), now)[:MOST_DOUBTFUL],
        said=_explained(workspace, BalanceChange.objects.exclude(mark="").order_by("-until"), now)[:MOST_TOP_UPS],
        returned=hours.aggregate(credits=Sum("returned"))["credits"] or ZERO,
        ahead=ahead,
        what_if=what_if,
        spending=spend_breakdown(workspace, span.length, now),
        enrichments=summarize_enrichments(workspace, now - min(span.length, LONGEST), now),
        budget=budget_status(credits_),
    )


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
