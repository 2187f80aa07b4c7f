"""Places times and values on a plot, and writes the paths of lines, bars and areas.

Horizontal positions are thousandths of the width, because the drawing is as wide as its page; vertical ones are pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from core.charts.time_axis import round_times, tick_label
from core.charts.value_axis import ValueAxis

WIDTH = 1000
# Labels of the time axis: on a wide page, and on a phone.
MOST_TICKS, MOST_NARROW_TICKS = 7, 4
# A label nearer to the edge than this share does not stand centered below its tick.
EDGE = 0.06
# The bars of a chart leave this share of their slot free.
BAR_GAP = 0.16

Spot = tuple[float, float]
# Runs of values without a gap in them.
Runs = Sequence[Sequence[tuple[datetime, float]]]


@dataclass(frozen=True)
class Tick:
    """A labeled place on an axis, ``at`` in percent of the width or in pixels of the height."""

    at: float
    text: str
    css: str = ""


@dataclass(frozen=True)
class Plot:
    """The area between the axes; ``height`` is in pixels."""

    begin: datetime
    end: datetime
    axis: ValueAxis
    height: int = 200

    width = WIDTH

    def x(self, at: datetime) -> float:
        """Return the position of a time; of one beyond the plot, its edge."""
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(share * WIDTH, 1)

    def percent(self, at: datetime) -> float:
        return round(self.x(at) / 10, 2)

    def y(self, value: float) -> float:
        return round(self.height - self.axis.share(value) * self.height, 1)

    @cached_property
    def rows(self) -> list[Tick]:
        return [Tick(self.y(value), self.axis.label(value)) for value in self.axis.ticks]

    @cached_property
    def columns(self) -> list[Tick]:
        """Return the ticks of the time axis: those of both widths, of wide pages only, and of phones only."""
        zone = timezone.get_current_timezone()
        step, wide = round_times(self.begin, self.end, zone, MOST_TICKS)
        narrow_step, narrow = round_times(self.begin, self.end, zone, MOST_NARROW_TICKS)
        if len(narrow) < 2:  # the next coarser step has none, or a single one: take every other label of a wide page
            narrow_step, narrow = step, wide[::2]
        labels = {at: tick_label(at, step, zone) for at in wide}
        narrow_labels = {at: tick_label(at, narrow_step, zone) for at in narrow}
        both = {at for at in wide if narrow_labels.get(at) == labels[at]}
        ticks = [(at, text, "" if at in both else "chart__tick--wide") for at, text in labels.items()]
        ticks += [(at, text, "chart__tick--narrow") for at, text in narrow_labels.items() if at not in both]
        return [Tick(self.percent(at), text, f"{css} {self._anchor(at)}".strip()) for at, text, css in ticks]

    def _anchor(self, at: datetime) -> str:
        share = self.x(at) / WIDTH
        return "chart__tick--first" if share < EDGE else "chart__tick--last" if share > 1 - EDGE else ""

    def step_path(self, runs: Runs) -> str:
        """Return the path of values that hold until the next one. A single value is drawn as a short dash."""
        return " ".join(self._stepped(run) for run in runs if run)

    def _stepped(self, run: Sequence[tuple[datetime, float]]) -> str:
        (first, value), *rest = run
        parts = [f"M{self.x(first):g} {self.y(value):g}"]
        for at, later in rest:
            parts.append(f"H{self.x(at):g}")
            if later != value:
                parts.append(f"V{self.y(later):g}")
            value = later
        return "".join(parts if rest else [*parts, "h2"])

    def area_path(self, runs: Runs) -> str:
        """Return the area between the stepped line and zero; empty if zero is not on the axis."""
        if self.axis.is_cut:
            return ""
        base = self.y(0)
        return " ".join(f"{self._stepped(run)}V{base:g}H{self.x(run[0][0]):g}Z" for run in runs if len(run) > 1)

    def line_path(self, runs: Runs) -> str:
        """Return the path of straight lines from value to value."""
        spots = ([f"{self.x(at):g} {self.y(value):g}" for at, value in run] for run in runs if run)
        return " ".join(f"M{'L'.join(run)}{'h2' if len(run) == 1 else ''}" for run in spots)

    def polygon(self, spots: Iterable[tuple[datetime, float]]) -> str:
        return f"M{'L'.join(f'{self.x(at):g} {self.y(value):g}' for at, value in spots)}Z"

    def bar(self, begin: datetime, end: datetime, low: float, high: float) -> str:
        """Return the path of one bar from ``low`` to ``high``; what is not zero is at least a pixel high."""
        left, right = self.x(begin), self.x(end)
        gap = min((right - left) * BAR_GAP / 2, 3)
        top, bottom = self.y(high), self.y(low)
        top = min(top, bottom - 1) if high > low else bottom
        return f"M{left + gap:g} {bottom:g}V{top:g}H{right - gap:g}V{bottom:g}Z" if top < bottom else ""

    def band(self, begin: datetime, end: datetime) -> str:
        """Return the path over the whole height between two times, at least a unit wide."""
        left, right = self.x(begin), self.x(end)
        return f"M{left:g} 0H{max(right, left + 1):g}V{self.height}H{left:g}Z"
