"""When a falling balance will have fallen so far: the arithmetic, without a database.

The method: the credits spent in each hour of the last eight weeks give an expected burn for each hour of the week
(Monday 00:00 to Sunday 23:00 UTC), recent weeks weighing more and little-seen hours leaning on their hour of day
and their day of week; from three weeks on, a damped trend is added. The days' deviations from that expectation say
how far the sum of many days may be off, which gives the 80 % interval. Top-ups are not part of the burn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

HOURS_NEEDED = 48
HOURS_A_WEEK = 168
HOURS_A_YEAR = 365 * 24
WEEKS_LEARNED = 8
HALF_LIFE_HOURS = 14 * 24
# 10 % of outcomes lie beyond so many standard deviations on either side.
Z80 = 1.2816
# Of an hour, what must be covered by readings for it to teach anything.
LEAST_COVERED = 0.5
# How much a level drifts in a week for reasons that the past does not show, as a share.
DRIFT_A_WEEK = 0.03
# How much a level may grow or shrink in a week, as a logarithm, while there are too few weeks to see a trend.
UNKNOWN_TREND = 0.22
# By how much each day of the week that was never seen may change a week's sum, as a variance.
UNSEEN_DAY_VARIANCE = 0.03
# A trend is believed for so many weeks to come.
TREND_WEEKS = 6


@dataclass(frozen=True)
class Hour:
    """One hour of history: its number since the epoch, credits spent, and the covered share (0 to 1)."""

    number: int
    spent: float
    covered: float = 1.0

    @property
    def slot(self) -> int:
        """Return the hour of the week, 0 for Monday 00:00 UTC; the epoch was a Thursday."""
        return (self.number + 72) % HOURS_A_WEEK


@dataclass(frozen=True)
class Crossing:
    """When an amount will have been spent, in hours from now; None when that is more than a year away."""

    early: float | None
    median: float | None
    late: float | None


@dataclass(frozen=True)
class Pattern:
    """What was learned: expected credits for each hour of the week, the trend, and how far days stray."""

    profile: tuple[float, ...]
    trend_a_week: float
    trend_error: float
    daily_variance: float
    days: float
    unseen_days: int = 0

    def crossings(self, amounts: Sequence[float], start: float) -> list[Crossing]:
        """Return when each of ``amounts`` (credits) will have been spent, counted from ``start`` (epoch hours)."""
        ladders = [_Ladder(amount) for amount in amounts]
        spent, passed = 0.0, 0.0
        while passed < HOURS_A_YEAR and not all(ladder.is_done for ladder in ladders):
            number = math.floor(start + passed + 1e-9)
            step = number + 1 - (start + passed)
            spent += self.expected(number, passed) * step
            passed += step
            spread = self._spread(passed / 24)
            for ladder in ladders:
                ladder.climb(spent, spread, passed)
        return [ladder.crossing() for ladder in ladders]

    def expected(self, number: int, hours_ahead: float) -> float:
        """Return the credits expected to be spent in an hour that lies so far ahead."""
        weeks = hours_ahead / HOURS_A_WEEK
        growth = self.trend_a_week * TREND_WEEKS * (1 - math.exp(-weeks / TREND_WEEKS))
        return self.profile[(number + 72) % HOURS_A_WEEK] * math.exp(growth)

    def _spread(self, days: float) -> float:
        """Return the standard deviation of the logarithm of what will have been spent after ``days``."""
        weeks = days / 7
        noise = self.daily_variance * (1 / days + 1 / max(self.days, 1.0))
        drift = DRIFT_A_WEEK**2 * (weeks + 1) + (self.trend_error * min(weeks + 1, TREND_WEEKS) / 2) ** 2
        unseen = self.unseen_days * UNSEEN_DAY_VARIANCE * min(1.0, weeks)
        return math.sqrt(math.log1p(noise + drift + unseen))


class _Ladder:
    """Notes when the sum of spending passes an amount: soon, in the middle, late. Steps are linear in between."""

    def __init__(self, amount: float) -> None:
        self.amount = amount
        self.found: list[float | None] = [None, None, None]
        self.before = [0.0, 0.0, 0.0]
        self.passed = 0.0
        if amount <= 0:
            self.found = [0.0, 0.0, 0.0]

    @property
    def is_done(self) -> bool:
        return None not in self.found

    def climb(self, spent: float, spread: float, passed: float) -> None:
        # Where days stray wildly, the usual sum lies below its mean; the backtest chose how far.
        middle = spent * math.exp(-(min(spread, 1.0) ** 4) / 2)
        levels = (middle * math.exp(Z80 * spread), middle, middle * math.exp(-Z80 * spread))
        for place, level in enumerate(levels):
            if self.found[place] is None and level >= self.amount:
                risen = level - self.before[place]
                share = (self.amount - self.before[place]) / risen if risen > 0 else 1.0
                self.found[place] = self.passed + (passed - self.passed) * min(max(share, 0.0), 1.0)
            self.before[place] = level
        self.passed = passed

    def crossing(self) -> Crossing:
        return Crossing(*self.found)


def observed(hours: Sequence[Hour]) -> int:
    """Return how many of ``hours`` are covered well enough to learn from."""
    return sum(hour.covered >= LEAST_COVERED for hour in hours)


def learn(hours: Sequence[Hour], now: int) -> Pattern | None:
    """Learn the pattern of ``hours`` as of the hour ``now``; None while there are fewer than HOURS_NEEDED."""
    usable = [hour for hour in hours if hour.covered >= LEAST_COVERED and hour.number < now]
    if len(usable) < HOURS_NEEDED:
        return None
    profile = _profile(usable, now)
    days = _days(usable, profile, now)
    trend, error = _trend(days)
    level = _level(days, trend)
    leveled = tuple(value * level for value in profile)
    variance = _variance(days, trend, level)
    if not error:
        # A burn that is even from day to day is likely to be even from week to week.
        error = UNKNOWN_TREND * (0.3 + 0.7 * min(1.0, variance / 0.1))
    unseen = 7 - len({hour.slot // 24 for hour in usable})
    return Pattern(leveled, trend, error, variance, sum(0.5 ** (day.age / 14) for day in days), unseen)


def _weight(hour: Hour, now: int) -> float:
    return float(0.5 ** ((now - hour.number) / HALF_LIFE_HOURS)) * hour.covered


def _profile(hours: Sequence[Hour], now: int) -> list[float]:
    """Return the expected credits of each hour of the week: a mean that leans on coarser means where data is thin."""
    weighed = [(hour.slot, _weight(hour, now), hour.spent / hour.covered) for hour in hours]
    total = sum(weight for _, weight, _ in weighed)
    mean = sum(weight * rate for _, weight, rate in weighed) / total
    if mean <= 0:
        return [0.0] * HOURS_A_WEEK
    by_hour = _means([(slot % 24, w, r) for slot, w, r in weighed], [mean] * 24)
    by_day = _means([(slot // 24, w, r) for slot, w, r in weighed], [mean] * 7)
    coarse = [max(0.0, by_hour[slot % 24] * by_day[slot // 24] / mean) for slot in range(HOURS_A_WEEK)]
    return [max(0.0, value) for value in _means(weighed, coarse)]


def _means(weighed: Sequence[tuple[int, float, float]], prior: Sequence[float]) -> list[float]:
    """Return the weighted mean of each group, leaning on ``prior`` as far as the groups differ by chance only."""
    weights, sums = [0.0] * len(prior), [0.0] * len(prior)
    for group, weight, rate in weighed:
        weights[group] += weight
        sums[group] += weight * rate
    lean = _lean(weighed, weights, sums, prior)
    return [(total + lean * value) / (weight + lean) for total, weight, value in zip(sums, weights, prior, strict=True)]


def _lean(
    weighed: Sequence[tuple[int, float, float]],
    weights: Sequence[float],
    sums: Sequence[float],
    prior: Sequence[float],
) -> float:
    """Return for how many observations ``prior`` counts: the variance within groups over that between them."""
    groups = [(w, total / w - value) for w, total, value in zip(weights, sums, prior, strict=True) if w > 0]
    seen = sum(w for w, _ in groups)
    freedom = len(weighed) - len(groups)
    if freedom < len(groups) / 2:
        return 1000.0  # seen about once each: what is chance and what is pattern cannot be told
    within = sum(w * (rate - sums[group] / weights[group]) ** 2 for group, w, rate in weighed)
    within *= len(weighed) / freedom / seen
    strayed = sum(w * offset**2 for w, offset in groups) / seen
    between = strayed - within * len(groups) / len(weighed)
    return 1000.0 if between <= within / 1000 else max(0.2, within / between)


@dataclass(frozen=True)
class _Day:
    """What was spent in 24 hours, ``age`` days ago, against what the profile expects of the same hours."""

    age: float
    spent: float
    expected: float


def _days(hours: Sequence[Hour], profile: Sequence[float], now: int) -> list[_Day]:
    """Return whole days counted back from now; one with less than half of its hours teaches nothing."""
    days: dict[int, list[Hour]] = {}
    for hour in hours:
        days.setdefault((now - 1 - hour.number) // 24, []).append(hour)
    return [
        _Day(age + 0.5, sum(h.spent for h in rows), sum(profile[h.slot] * h.covered for h in rows))
        for age, rows in sorted(days.items())
        if len(rows) >= 12
    ]


def _trend(days: Sequence[_Day]) -> tuple[float, float]:
    """Return the growth a week as a logarithm, shrunk by how uncertain it is, and its standard error."""
    weeks: dict[int, list[_Day]] = {}
    for day in days:
        weeks.setdefault(int(day.age // 7), []).append(day)
    points = []
    for rows in weeks.values():
        spent, expected = sum(day.spent for day in rows), sum(day.expected for day in rows)
        if len(rows) >= 5 and spent > 0 and expected > 0:
            points.append((-fmean(day.age for day in rows) / 7, math.log(spent / expected)))
    if len(points) < 3:
        return 0.0, 0.0
    slope, error = _slope(points)
    return slope * slope**2 / (slope**2 + 4 * error**2 + 0.02**2), error + abs(slope) / 2


def _slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the slope of a line through ``points`` by least squares, and its standard error."""
    x_mean, y_mean = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / spread
    rest = sum((y - y_mean - slope * (x - x_mean)) ** 2 for x, y in points)
    return slope, math.sqrt(rest / max(1, len(points) - 2) / spread)


def _level(days: Sequence[_Day], trend: float) -> float:
    """Return by what the profile is multiplied to give today's level, with the trend taken out of the past."""
    weighed = [(0.5 ** (day.age / 14), day) for day in days]
    spent = sum(weight * day.spent for weight, day in weighed)
    expected = sum(weight * day.expected * math.exp(-trend * day.age / 7) for weight, day in weighed)
    return max(0.0, spent / expected) if expected > 0 else 0.0


def _variance(days: Sequence[_Day], trend: float, level: float) -> float:
    """Return the variance of a day's spending over its expectation; more where days resemble the day before."""
    average = fmean(day.expected for day in days) if days else 0.0
    if average <= 0 or level <= 0:
        return 1.0
    strays = [(day.spent - day.expected * level * math.exp(-trend * day.age / 7)) / (average * level) for day in days]
    # The fewer the days and the wilder, the less they show of how far days can stray.
    variance = fmean(stray**2 for stray in strays) * (1 + 3 / len(strays))
    variance *= 0.5 + 1.7 * min(1.0, math.sqrt(variance))
    return variance * _persistence(strays, variance)


def _persistence(strays: Sequence[float], variance: float) -> float:
    """Return by what the variance of a sum grows because neighbours are alike; 1 for independent days."""
    if len(strays) < 5 or variance <= 0:
        return 1.2
    pairs = fmean(a * b for a, b in pairwise(strays))
    alike = min(0.7, max(0.0, pairs / variance))
    return (1 + alike) / (1 - alike)
