"""The status of budgets: how much was used, and the forecast for the end of the month or week."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from core.db.rollups import HOUR
from core.formatting import format_number, format_time_left
from usage.budgets.consumption import BudgetUsage, usage_by_workspace
from usage.budgets.periods import Period
from usage.credit_status import CreditStatus, credit_statuses
from usage.forecast import SpendForecast
from usage.forecast.runway import Burn
from usage.models import Budget
from workspaces.models import Workspace

# Pages about other things mention a budget from this used share on.
CLOSE = Decimal("0.8")


@dataclass(frozen=True)
class BudgetForecast:
    """The credits that will be used from now to the end of the period: the median, and the 80 % interval around it.

    ``caveat`` says what the forecast cannot know yet. If it ``is_rough``, it is provisional or a guess, and has a range
    that it will hardly leave instead of an interval. If it ``is_open``, events never seen before may add to it.
    """

    low: Decimal
    median: Decimal
    high: Decimal
    is_rough: bool = False
    caveat: str = ""
    is_open: bool = False

    @property
    def range_words(self) -> str:
        """Return the range and its certainty in words."""
        low, high = round(self.low), round(self.high)
        if self.is_rough:
            return f"hardly under {format_number(low)} or over {format_number(high)}"
        more = ", or more if something comes that was not seen so far" if self.is_open else ""
        return f"80% {format_range(low, high)}{more}"


@dataclass(frozen=True)
class BudgetStatus:
    """One workspace's budget as of now; values that cost queries are computed on first access."""

    budget: Budget
    period: Period
    credits: CreditStatus
    used: BudgetUsage | None

    @property
    def problem(self) -> str:
        """Return why the figures cannot be trusted, or ""."""
        return self.credits.problem

    @property
    def is_unread(self) -> bool:
        """Return whether nothing has been read in this period yet."""
        return self.used is None or self.used.read_at < self.period.start

    @property
    def is_partial(self) -> bool:
        """Return whether the history began in the middle of the period."""
        return self.used is not None and self.used.since > self.period.start

    @property
    def fraction(self) -> Decimal | None:
        """Return the likely used share of the budget; None if unknown."""
        return None if self.used is None else self.used.credits / self.budget.credits

    @property
    def is_passed(self) -> bool:
        """Return whether more than the budget may have been used."""
        return self.used is not None and self.used.high > self.budget.credits

    @property
    def is_close(self) -> bool:
        """Return whether it is exceeded, nearly used, or will be exceeded by a forecast that is no guess."""
        return self.used is not None and (self.used.high >= CLOSE * self.budget.credits or self.will_pass)

    @property
    def will_pass(self) -> bool:
        """Return whether a forecast that is no guess exceeds it. Uses only a stored pattern, because many pages ask."""
        end = self.end if self.credits.is_learned else None
        return end is not None and not end.is_rough and end.median > self.budget.credits

    @cached_property
    def outlook(self) -> BudgetForecast | None:
        """Return the forecast from now until the period ends; None if unknown."""
        if self.used is None:
            return None
        # Spending since the last reading is part of the forecast.
        begin = max(self.period.start, min(self.used.read_at, self.credits.now))
        return forecast_spend(self.credits.burn, begin, self.period.end)

    @cached_property
    def end(self) -> BudgetForecast | None:
        """Return the total usage forecast for the end of the period; None if unknown."""
        used, ahead = self.used, self.outlook
        if used is None or ahead is None:
            return None
        amounts = (used.low + ahead.low, used.credits + ahead.median, used.high + ahead.high)
        return BudgetForecast(*amounts, ahead.is_rough, ahead.caveat, ahead.is_open)

    @property
    def alarm(self) -> str:
        """Return a sentence that it is exceeded or nearly used, or ""."""
        if not self.is_close:
            return ""
        title = "Budget passed" if self.is_passed else "Budget nearly used"
        if self.is_passed or not self.will_pass or self.end is None:
            return f"{title}: {self.words}."
        ahead = format_number(round(self.end.median))
        return f"The budget will be passed by the forecast, {ahead} credits: {self.words}."

    # --- in words -------------------------------------------------------------------------------------------------

    @property
    def left(self) -> str:
        """Return how much of the period is left: "9 days"."""
        return format_time_left(self.period.end, self.credits.now)

    @property
    def words(self) -> str:
        """Return usage, budget, period and remaining time in words."""
        used = f"{self.used_words} of {format_number(self.budget.credits)} credits used in {self.period.name}"
        return f"{used}{self.reserved_words}, {self.left} left"

    @property
    def reserved_words(self) -> str:
        """Return how much of the usage running enrichments only hold, or ""."""
        return f", {format_number(self.credits.reserved)} of them reserved" if self.credits.reserved else ""

    @property
    def used_words(self) -> str:
        """Return the usage as a figure or a range."""
        if self.used is None:
            return "an unknown number"
        return format_range(self.used.low, self.used.high) if self.used.is_range else format_number(self.used.credits)

    @property
    def outlook_words(self) -> str:
        """Return the forecast for the end in words, or why there is none."""
        end = self.end
        if end is None:
            return f"not known: {self.credits.unlearned or 'nothing was read yet'}"
        about, median = "about " if end.is_rough else "", format_number(round(end.median))
        words = f"{about}{median} credits by its end, {end.range_words}"
        return f"{words} ({end.caveat})" if end.caveat else words


def format_range(low: Decimal | int, high: Decimal | int) -> str:
    """Format a range: "between 4,900 and 5,300"."""
    return f"between {format_number(low)} and {format_number(high)}"


def forecast_spend(burn: Burn, begin: datetime, end: datetime) -> BudgetForecast | None:
    """Return the forecast from ``begin`` to ``end``; None if nothing is known about the burn."""
    hours = (end - begin) / HOUR
    if burn.pattern is not None:
        ahead = burn.pattern.spent(hours, begin.timestamp() / 3600, burn.hours_seen)
    elif burn.rates is not None:
        rates = burn.rates
        ahead = SpendForecast(rates.low * hours, rates.likely * hours, rates.high * hours)
    else:
        return None
    is_guess = burn.pattern is not None and burn.pattern.is_less_than_one_cycle
    # The time of the next batch is unknown, so it may be after the end.
    amounts = (0.0 if is_guess else ahead.low, ahead.median, ahead.high)
    low, median, high = (Decimal(round(amount, 4)) for amount in amounts)
    is_rough = burn.pattern is None or is_guess
    return BudgetForecast(low, median, high, is_rough, burn.caveat, ahead.is_open)


def budget_statuses(workspaces: Iterable[Workspace], now: datetime) -> dict[int, BudgetStatus]:
    """Return the status of each budget by workspace, in six queries, plus two for burns and reservations."""
    asked = {one.pk: one for one in workspaces}
    budgets = {row.workspace_id: row for row in Budget.objects.filter(workspace__in=asked)} if asked else {}
    return _statuses(budgets, credit_statuses([asked[pk] for pk in budgets], now)) if budgets else {}


def budget_status(credits: CreditStatus) -> BudgetStatus | None:  # noqa: A002 - as everywhere here
    """Return the budget status for the workspace of ``credits``, None without a budget; four queries."""
    budgets = {row.workspace_id: row for row in Budget.objects.filter(workspace=credits.workspace)}
    return _statuses(budgets, [credits]).get(credits.workspace.pk)


def _statuses(budgets: Mapping[int, Budget], known: Iterable[CreditStatus]) -> dict[int, BudgetStatus]:
    found = {one.workspace.pk: one for one in known if one.workspace.pk in budgets}
    periods = {pk: budgets[pk].period_at(one.now) for pk, one in found.items()}
    used = usage_by_workspace(periods, {pk: one.latest for pk, one in found.items() if one.latest})
    return {pk: BudgetStatus(budgets[pk], periods[pk], one, used.get(pk)) for pk, one in found.items()}
