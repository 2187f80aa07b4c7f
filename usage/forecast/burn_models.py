"""Models of how the burn develops on top of its weekly profile, each fitted to past days."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import fmean

from usage.forecast.pattern import TREND_WEEKS, USUAL, Pattern

STEP, TREND = "step", "trend"
HALF_LIFE_DAYS = 14
# How much a level may grow or shrink per week, as a logarithm, while there are too few weeks to see a trend.
UNKNOWN_TREND = 0.22
# The usual trend, as a logarithm per week, and the prior odds that there is none.
USUAL_TREND, ODDS_OF_NONE = 0.2, 2.0
# A steady growth or decline is extrapolated for this many weeks.
STEADY_WEEKS = 26.0
# A step needs this many days on either side; the gain in likelihood must be more than chance gives.
LEAST_DAYS_OF_A_STEP = 2
LEAST_GAIN = 12.0
# The prediction from other days of the same weekday leans on days like it (weekdays, weekends) as if they were one more
# day.
PRIOR_DAYS = 1.0
# How much the level after a step may grow per week: while less than two weeks of it were seen, and afterwards.
STEP_TREND = (0.066, 0.05)


@dataclass(frozen=True)
class DayOfBurn:
    """The credits spent in 24 hours, ``age`` days ago, and the profile's expectation for the same hours.

    ``weekday`` is the same number for days that are whole weeks apart.
    """

    age: float
    spent: float
    expected: float
    weekday: int
    is_weekend: bool


@dataclass(frozen=True)
class BurnModel:
    """A fitted model: the factor from profile to today's level, the trend, and how far days deviate from both.

    ``chance`` is the variance of a single day; ``daily_variance`` is larger if days resemble the day before.
    """

    model: str
    level: float
    trend_a_week: float
    trend_error: float
    chance: float
    daily_variance: float
    days: float
    trend_weeks: float = TREND_WEEKS
    step_days: int | None = None

    def pattern(self, profile: Sequence[float]) -> Pattern:
        """Return the pattern of this model along ``profile``."""
        return Pattern(
            tuple(value * self.level for value in profile),
            self.trend_a_week,
            self.trend_error,
            self.daily_variance,
            self.days,
            chance=self.chance,
            trend_weeks=self.trend_weeks,
            model=self.model,
            step_days=self.step_days,
        )


def usual_level(days: Sequence[DayOfBurn]) -> BurnModel:
    """Return the smoothed level, with a trend damped by the probability that it is chance."""
    _, variance = _variance(days, 0.0, _level(days, 0.0))
    trend, error = _cautious_trend(days, variance)
    level = _level(days, trend)
    return BurnModel(USUAL, level, trend, error, *_variance(days, trend, level), _weight(days))


def level_since_step(days: Sequence[DayOfBurn]) -> BurnModel | None:
    """Return the level since a sudden change of the burn; None if there was none, or the burn stopped."""
    begin = _days_since_step(days)
    level = _level(days[:begin], 0.0)
    if begin is None or level <= 0:
        return None
    error = STEP_TREND[0] if begin < 14 else STEP_TREND[1]
    # The deviation of days is estimated better over all of them, each relative to the level of its own side.
    before = _level(days[begin:], 0.0) / level
    older = [replace(day, spent=day.spent / before) if before > 0 else day for day in days[begin:]]
    variance = _variance([*days[:begin], *older], 0.0, level)
    return BurnModel(STEP, level, 0.0, error, *variance, _weight(days[:begin]), step_days=begin)


def steady_trend(days: Sequence[DayOfBurn]) -> BurnModel | None:
    """Fit an exponential growth or decline; None if there are too few days."""
    if len(days) < 4 or sum(day.spent for day in days) <= 0:
        return None
    level, trend, information = _fit_exponential(days)
    if not 0 < level < math.inf:
        return None
    chance, variance = _variance(days, trend, level)
    error = min(UNKNOWN_TREND, math.sqrt(variance / information) if information > 0 else UNKNOWN_TREND)
    return BurnModel(TREND, level, trend, error, chance, variance, _weight(days), trend_weeks=STEADY_WEEKS)


# Models that a backtest may prefer to ``usual_level``.
ALTERNATIVES: tuple[Callable[[Sequence[DayOfBurn]], BurnModel | None], ...] = (level_since_step, steady_trend)


def _weight(days: Sequence[DayOfBurn]) -> float:
    return sum(float(0.5 ** (day.age / HALF_LIFE_DAYS)) for day in days)


def _fit_exponential(days: Sequence[DayOfBurn]) -> tuple[float, float, float]:
    """Return today's level, the weekly growth as a logarithm, and the Fisher information about that growth.

    Newton's method on the likelihood of a Poisson sum, which tolerates days without any spending.
    """
    average = fmean(day.expected for day in days)
    rows = [
        (-day.age / 7, day.spent / average, day.expected / average, 0.5 ** (day.age / HALF_LIFE_DAYS)) for day in days
    ]
    level, slope, information = math.log(max(1e-9, _level(days, 0.0))), 0.0, 0.0
    for _ in range(8):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for x, spent, expected, weight in rows:
            mean = expected * math.exp(max(-30.0, min(30.0, level + slope * x)))
            rest, mass = weight * (spent - mean), weight * mean
            g0, g1 = g0 + rest, g1 + rest * x
            h00, h01, h11 = h00 + mass, h01 + mass * x, h11 + mass * x * x
        pivot = h00 * h11 - h01 * h01
        if pivot <= 1e-12:
            break
        # Each step is limited, because the first one may overshoot.
        level += max(-2.0, min(2.0, (h11 * g0 - h01 * g1) / pivot))
        slope = max(-1.5, min(1.5, slope + (h00 * g1 - h01 * g0) / pivot))
        information = pivot / h00 / math.exp(level)
    return math.exp(level), slope, information


def _days_since_step(days: Sequence[DayOfBurn]) -> int | None:
    """Return how many of ``days`` (latest first) are after a sudden change of level; None if there is none."""
    known = [(place, day) for place, day in enumerate(days) if day.expected > 0]
    logs = [math.log(max(day.spent / day.expected, 0.03)) for _, day in known]
    sums, squares = [0.0, *accumulate(logs)], [0.0, *accumulate(value * value for value in logs)]
    count = len(logs)

    def rest(begin: int, end: int) -> float:
        return squares[end] - squares[begin] - (sums[end] - sums[begin]) ** 2 / (end - begin)

    if count < 3 * LEAST_DAYS_OF_A_STEP:
        return None
    splits = range(LEAST_DAYS_OF_A_STEP, count - LEAST_DAYS_OF_A_STEP)
    best = min(splits, key=lambda split: rest(0, split) + rest(split, count))
    within = rest(0, best) + rest(best, count) + 0.0025 * count
    gain = count * math.log((rest(0, count) + 0.0025 * count) / within)
    return known[best][0] if gain > LEAST_GAIN else None


def _cautious_trend(days: Sequence[DayOfBurn], variance: float) -> tuple[float, float]:
    """Return the weekly growth as a logarithm, shrunk by the probability that it is chance, and its standard error."""
    weeks: dict[int, list[DayOfBurn]] = {}
    for day in days:
        weeks.setdefault(int(day.age // 7), []).append(day)
    average = fmean(day.expected for day in days) if days else 0.0
    points = []
    for rows in weeks.values():
        spent, expected = sum(day.spent for day in rows), sum(day.expected for day in rows)
        if len(rows) >= 2 and spent > 0 and expected > 0:
            error = variance * len(rows) * (average / expected) ** 2
            points.append((-fmean(day.age for day in rows) / 7, math.log(spent / expected), 1 / (error + 0.0004)))
    if len(points) < 2:
        # A burn that is even from day to day is probably even from week to week.
        return 0.0, UNKNOWN_TREND * (0.2 + 0.8 * min(1.0, variance / 0.1))
    return _shrink_trend(*_fit_line(points))


def _fit_line(points: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the slope of a line through ``points`` (x, y, weight), and its variance, more if they deviate."""
    total = sum(w for _, _, w in points)
    x_mean, y_mean = sum(w * x for x, _, w in points) / total, sum(w * y for _, y, w in points) / total
    spread = sum(w * (x - x_mean) ** 2 for x, _, w in points)
    slope = sum(w * (x - x_mean) * (y - y_mean) for x, y, w in points) / spread
    rest = sum(w * (y - y_mean - slope * (x - x_mean)) ** 2 for x, y, w in points)
    return slope, max(1.0, rest / max(1, len(points) - 2)) / spread


def _shrink_trend(slope: float, variance: float) -> tuple[float, float]:
    """Return mean and standard deviation of the trend, weighing no trend against one of the usual size."""
    share = USUAL_TREND**2 / (USUAL_TREND**2 + variance)
    odds = math.sqrt(1 - share) * math.exp(min(50.0, slope**2 / variance / 2 * share)) / ODDS_OF_NONE
    likely, mean = odds / (1 + odds), slope * share
    return likely * mean, math.sqrt(max(0.0, likely * (share * variance + mean**2) - (likely * mean) ** 2))


def _level(days: Sequence[DayOfBurn], trend: float) -> float:
    """Return the factor from the profile to today's level, with the trend removed from the past."""
    weighed = [(0.5 ** (day.age / HALF_LIFE_DAYS), day) for day in days]
    spent = sum(weight * day.spent for weight, day in weighed)
    expected = sum(weight * day.expected * math.exp(-trend * day.age / 7) for weight, day in weighed)
    return max(0.0, spent / expected) if expected > 0 else 0.0


def _variance(days: Sequence[DayOfBurn], trend: float, level: float) -> tuple[float, float]:
    """Return the relative variance of a day's spending, without and with the correlation of days to the one before."""
    average = fmean(day.expected for day in days) if days else 0.0
    if average <= 0 or level <= 0:
        return 1.0, 1.0
    strays = [stray / (average * level) for stray in _deviations(days, trend)]
    chance = fmean(stray**2 for stray in strays)
    return chance, chance * _persistence(strays)


def _deviations(days: Sequence[DayOfBurn], trend: float) -> list[float]:
    """Return by how much each day's spending exceeded the prediction from the other days, in credits at today's level.

    Never relative to the profile, which includes each day: a burst within the first week looks like its weekday's usual
    there, as if nothing ever deviated.
    """
    spent = [day.spent * math.exp(trend * day.age / 7) for day in days]
    weekdays, kinds = _sums(spent, [day.weekday for day in days]), _sums(spent, [day.is_weekend for day in days])
    everything, found = (len(spent), sum(spent)), []
    for day, value in zip(days, spent, strict=True):
        number, total = kinds[day.is_weekend] if kinds[day.is_weekend][0] > 1 else everything
        others = max(1, number - 1)
        alike, same = weekdays[day.weekday]
        weight = alike - 1 + PRIOR_DAYS
        stray = value - (same - value + PRIOR_DAYS * (total - value) / others) / weight
        # The prediction itself deviates, the more the fewer days it is based on.
        found.append(stray / math.sqrt(1 + (alike - 1 + PRIOR_DAYS * PRIOR_DAYS / others) / (weight * weight)))
    return found


def _sums(values: Sequence[float], groups: Sequence[int]) -> dict[int, tuple[int, float]]:
    """Return the number and sum of the values in each group."""
    found: dict[int, tuple[int, float]] = {}
    for group, value in zip(groups, values, strict=True):
        number, total = found.get(group, (0, 0.0))
        found[group] = number + 1, total + value
    return found


def _persistence(strays: Sequence[float]) -> float:
    """Return the factor by which the variance of a sum grows because neighbours are alike; 1 for independent days."""
    square = fmean(stray**2 for stray in strays)
    if len(strays) < 5 or square <= 0:
        return 1.2
    alike = min(0.7, max(0.0, fmean(a * b for a, b in pairwise(strays)) / square))
    return (1 + alike) / (1 - alike)
