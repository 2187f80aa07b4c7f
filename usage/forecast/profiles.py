"""The usual credits of each hour of the week, estimated although each hour was seen only a few times."""

from collections.abc import Sequence
from dataclasses import dataclass, field

HOURS_A_WEEK = 168


@dataclass
class WeekSums:
    """Sums over the hours that count, by hour of the week (0 for Monday 00:00 UTC).

    They contain all that a profile needs, so that one pass over the hours serves profiles as of many dates.
    """

    count: int = 0
    weights: list[float] = field(default_factory=lambda: [0.0] * HOURS_A_WEEK)
    sums: list[float] = field(default_factory=lambda: [0.0] * HOURS_A_WEEK)
    squares: list[float] = field(default_factory=lambda: [0.0] * HOURS_A_WEEK)

    def add(self, slot: int, weight: float, rate: float) -> None:
        """Add an hour of the given ``rate`` in credits per hour."""
        self.count += 1
        self.weights[slot] += weight
        self.sums[slot] += weight * rate
        self.squares[slot] += weight * rate * rate

    def scaled(self, factor: float) -> "WeekSums":
        """Return a copy with all weights multiplied."""
        rows = ([value * factor for value in row] for row in (self.weights, self.sums, self.squares))
        return WeekSums(self.count, *rows)

    def grouped(self, groups: Sequence[int], number: int) -> "WeekSums":
        """Return the sums of ``number`` groups; ``groups`` assigns one to each hour of the week."""
        found = WeekSums(self.count, [0.0] * number, [0.0] * number, [0.0] * number)
        for slot, group in enumerate(groups):
            found.weights[group] += self.weights[slot]
            found.sums[group] += self.sums[slot]
            found.squares[group] += self.squares[slot]
        return found


_CLOCK = [slot % 24 for slot in range(HOURS_A_WEEK)]
_DAY = [slot // 24 for slot in range(HOURS_A_WEEK)]


def weekly_profile(week: WeekSums) -> list[float]:
    """Return the expected credits of each hour of the week: a mean that leans on coarser means where data is thin."""
    mean = sum(week.sums) / sum(week.weights)
    if mean <= 0:
        return [0.0] * HOURS_A_WEEK
    by_hour = _means(week.grouped(_CLOCK, 24), [mean] * 24)
    by_day = _means(week.grouped(_DAY, 7), [mean] * 7)
    coarse = [max(0.0, by_hour[slot % 24] * by_day[slot // 24] / mean) for slot in range(HOURS_A_WEEK)]
    return [max(0.0, value) for value in _means(week, coarse)]


def _means(groups: WeekSums, prior: Sequence[float]) -> list[float]:
    """Return the weighted mean of each group, leaning on ``prior`` as far as the groups differ only by chance."""
    lean = _lean(groups, prior)
    rows = zip(groups.weights, groups.sums, prior, strict=True)
    return [(total + lean * value) / (weight + lean) for weight, total, value in rows]


def _lean(groups: WeekSums, prior: Sequence[float]) -> float:
    """Return how many observations ``prior`` counts for: the variance within groups divided by that between them."""
    rows = [row for row in zip(groups.weights, groups.sums, groups.squares, prior, strict=True) if row[0] > 0]
    seen = sum(weight for weight, _, _, _ in rows)
    freedom = groups.count - len(rows)
    if freedom < len(rows) / 2:
        return 1000.0  # seen about once each: chance and pattern cannot be distinguished
    within = sum(max(0.0, square - total * total / weight) for weight, total, square, _ in rows)
    within *= groups.count / freedom / seen
    strayed = sum(weight * (total / weight - value) ** 2 for weight, total, _, value in rows) / seen
    between = strayed - within * len(rows) / groups.count
    return 1000.0 if between <= within / 1000 else max(0.2, within / between)
