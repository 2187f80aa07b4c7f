"""A value axis with round ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

ROWS = 4
# A change of less than this share of the value is not blown up to the full height.
LEAST_SPAN = 0.002
ZERO_WITHIN = 0.6


@dataclass(frozen=True)
class ValueAxis:
    """The limits and the step, all round: both limits are multiples of the step."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, values: Iterable[float]) -> "ValueAxis":
        """Return the axis around ``values``; it begins at zero unless that would flatten all movement."""
        known = list(values) or [0.0]
        low, high = min(known), max(known)
        if 0 < low < high * ZERO_WITHIN or not any(known):
            low = 0.0
        if high < 0 and high > low * ZERO_WITHIN:
            high = 0.0
        step = round_step(max(high - low, max(abs(low), abs(high)) * LEAST_SPAN, ROWS) / ROWS)
        bottom, top = math.floor(low / step), math.ceil(high / step)
        if bottom == top and bottom > 0:
            bottom -= 1  # a line of one value is in the middle
        return cls(bottom * step, max(top, bottom + 2) * step, step)

    @property
    def is_cut(self) -> bool:
        """Return whether zero is not on the axis, so that an area below the line would mislead."""
        return not self.low <= 0 <= self.high

    @property
    def ticks(self) -> list[float]:
        count = round((self.high - self.low) / self.step)
        return [self.low + number * self.step for number in range(count + 1)]

    def label(self, value: float) -> str:
        """Return the label of a tick, short where numbers are long: "1,500", "250k", "12M"."""
        for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if max(abs(self.low), abs(self.high)) >= 10 * unit and self.step >= unit / 10:
                return f"{value / unit:,.1f}".removesuffix(".0") + (letter if value else "")
        return f"{value:,.0f}"

    def share(self, value: float) -> float:
        """Return where ``value`` is between the bottom (0) and the top (1)."""
        return (value - self.low) / (self.high - self.low)


def round_step(rough: float) -> float:
    """Return the least of 1, 2, 5, 10, 20 … that is not below ``rough``, but at least 1."""
    power = 10 ** math.floor(math.log10(max(1.0, rough)))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= min(rough, 10 * power)))
