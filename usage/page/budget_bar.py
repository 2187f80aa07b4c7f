"""The bar of a budget. The template writes the SVG."""

from dataclasses import dataclass
from decimal import Decimal

from usage.budgets.status import BudgetStatus

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
