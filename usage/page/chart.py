"""The page's charts: the balance's lines, gaps, marks and labels, and a budget's bar. The template writes the SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.utils import timezone

from usage.budgets.status import BudgetStatus
from usage.page.ranges import DAY, Range
from usage.page.series import Sample

WIDTH, HEIGHT = 960, 260
LEFT, TOP, BOTTOM = 8, 14, 24
# Sizes of the labels of the axis, which is on the right, where the newest data is: on a phone the rest needs scrolling.
DIGIT, LABEL_SPACE = 7, 12
# A history shorter than its range is drawn from its beginning, but never shorter than this.
SHORTEST = timedelta(minutes=10)
TICKS = 6
LABEL_HEIGHT = 16
BAR_WIDTH = 1000
# The bar extends this far beyond the values that must be visible; anything further, such as a wide interval, is cut
# off.
BAR_ROOM, MOST_ROOM = Decimal("1.08"), Decimal("1.5")


@dataclass(frozen=True)
class ChartMark:
    """Something at a position: a tick with its label, a top-up, a gap with its width, a threshold."""

    x: float
    y: float
    text: str
    width: float = 0.0


@dataclass(frozen=True)
class BalanceChart:
    """The chart's elements, in units of the view box."""

    lines: list[str]
    areas: list[str]
    rows: list[ChartMark]
    columns: list[ChartMark]
    gaps: list[ChartMark]
    top_ups: list[ChartMark]
    thresholds: list[ChartMark]
    unseen_thresholds: list[str]
    latest: ChartMark
    words: str
    right: float

    width, height = WIDTH, HEIGHT
    left, top, bottom = LEFT, TOP, HEIGHT - BOTTOM
    inner_height = HEIGHT - TOP - BOTTOM


def draw_chart(
    found: Sequence[Sample], span: Range, now: datetime, thresholds: Sequence[Decimal] = ()
) -> BalanceChart | None:
    """Return the chart of ``found``, or None if there is nothing to draw."""
    if not found:
        return None
    begin = min(max(now - span.length, found[0].at), now - SHORTEST)
    scale = _Scale.around(begin, now, [float(one.credits) for one in found])
    parts = _segments(found)
    lines = [[(scale.x(one.at), scale.y(float(one.credits))) for one in part] for part in parts]
    # Two rules may have the same level.
    levels = sorted(set(thresholds), reverse=True)
    return BalanceChart(
        lines=[_path(line) for line in lines],
        areas=[_area(line) for line in lines],
        rows=scale.rows(),
        columns=scale.columns(),
        gaps=_gaps(parts, scale),
        top_ups=[
            ChartMark(scale.x(one.at), scale.y(float(one.credits)), f"+{one.topped_up:,.0f}")
            for one in found
            if one.topped_up > 0
        ],
        thresholds=_thresholds([float(one) for one in levels if scale.holds(float(one))], scale),
        unseen_thresholds=[f"{one:,.0f}" for one in levels if not scale.holds(float(one))],
        latest=ChartMark(scale.x(found[-1].at), scale.y(float(found[-1].credits)), f"{found[-1].credits:,.0f}"),
        words=_description(found, span),
        right=scale.right,
    )


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    end: datetime
    low: float
    high: float
    step: float

    @classmethod
    def around(cls, begin: datetime, end: datetime, values: Sequence[float]) -> "_Scale":
        """Choose round limits, from zero unless that would flatten all movement."""
        low, high = min(values), max(values)
        low = 0.0 if low < high * 0.6 else low
        step = _round_step(max(high - low, high * 0.002, 4.0) / 4)
        bottom = max(0.0, math.floor(low / step) * step)
        return cls(begin, end, bottom, max(math.ceil(high / step), bottom / step + 2) * step, step)

    @property
    def right(self) -> float:
        """Where the chart ends and the labels of the axis begin: the highest is the longest."""
        return WIDTH - LABEL_SPACE - DIGIT * len(f"{self.high:,.0f}")

    def x(self, at: datetime) -> float:
        share = (max(at, self.begin) - self.begin) / (self.end - self.begin)
        return round(LEFT + share * (self.right - LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def rows(self) -> list[ChartMark]:
        count = round((self.high - self.low) / self.step)
        values = [self.low + number * self.step for number in range(count + 1)]
        return [ChartMark(self.right, self.y(value), f"{value:,.0f}") for value in values]

    def columns(self) -> list[ChartMark]:
        length = self.end - self.begin
        shape = "%H:%M" if length <= 2 * DAY else "%-d %b" if length <= 120 * DAY else "%b %Y"
        places = [self.begin + length * (number + 0.5) / TICKS for number in range(TICKS)]
        return [ChartMark(self.x(at), HEIGHT - 6, timezone.localtime(at).strftime(shape)) for at in places]


def _round_step(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def _segments(found: Sequence[Sample]) -> list[list[Sample]]:
    """Return the samples between gaps: a line is never drawn across a time without readings."""
    parts: list[list[Sample]] = []
    for one in found:
        if one.after_gap or not parts:
            parts.append([])
        parts[-1].append(one)
    return parts


def _path(line: Sequence[tuple[float, float]]) -> str:
    points = " ".join(f"{x},{y}" for x, y in line)
    # A single reading between two gaps is drawn as a short dash.
    return points if len(line) > 1 else f"{points} {line[0][0] + 2},{line[0][1]}"


def _area(line: Sequence[tuple[float, float]]) -> str:
    base = HEIGHT - BOTTOM
    return f"{line[0][0]},{base} {_path(line)} {line[-1][0]},{base}"


def _gaps(parts: Sequence[Sequence[Sample]], scale: _Scale) -> list[ChartMark]:
    found = []
    for before, after in pairwise(parts):
        begin, end = scale.x(before[-1].at), scale.x(after[0].at)
        since, until = timezone.localtime(before[-1].at), timezone.localtime(after[0].at)
        words = f"Not read from {since:%-d %b %H:%M} to {until:%-d %b %H:%M}"
        found.append(ChartMark(begin, TOP, words, max(1.0, round(end - begin, 1))))
    return found


def _thresholds(levels: Sequence[float], scale: _Scale) -> list[ChartMark]:
    """Return the lines of ``levels``, highest first; those right below another share its label."""
    found: list[ChartMark] = []
    head = 0
    for place, level in enumerate(levels):
        whole = f"{level:,.0f}"
        mark = ChartMark(scale.right, scale.y(level), "at 0" if whole == "0" else f"below {whole}")
        if found and mark.y - found[head].y < LABEL_HEIGHT:
            found[head] = replace(found[head], text=f"{found[head].text}, {mark.text}")
            mark = replace(mark, text="")
        else:
            head = place
        found.append(mark)
    return found


def _description(found: Sequence[Sample], span: Range) -> str:
    values = [one.credits for one in found]
    first, last = found[0].credits, found[-1].credits
    return (
        f"Credit balance, {span.words.lower()}: from {first:,.0f} to {last:,.0f}, "
        f"lowest {min(values):,.0f}, highest {max(values):,.0f}."
    )


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
