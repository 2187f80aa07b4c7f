"""When a falling balance will have fallen so far: the arithmetic, without a database.

The method: the credits spent in each hour of the last eight weeks give an expected burn for each hour of the week
(Monday 00:00 to Sunday 23:00 UTC), recent weeks weighing more and little-seen hours leaning on their hour of day
and their day of week; a damped trend is added as far as it is likelier than chance. The days' deviations from that
expectation say how far the sum of many days may be off, which gives the 80 % interval; that is made wider or
narrower by how far forecasts of the same kind, made at earlier moments of this history, have missed. Top-ups are not
part of the burn. ``bench/runway_backtest.py`` measures it; constants were chosen on its tuning series.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from usage.profiles import HOURS_A_WEEK, weekly_profile

HOURS_NEEDED = 48
HOURS_A_YEAR = 365 * 24
WEEKS_LEARNED = 8
HALF_LIFE_HOURS = 14 * 24
# From here on sums go by the day: a year's hours one by one are dear, and nobody can tell the difference.
COARSE_AFTER = 14 * 24
# 10 % of outcomes lie beyond so many standard deviations on either side.
Z80 = 1.2816
# Of an hour, what must be covered by readings for it to teach anything.
LEAST_COVERED = 0.5
# How much a level drifts in a week for reasons that the past does not show, as a share.
DRIFT_A_WEEK = 0.03
# How much a level may grow or shrink in a week, as a logarithm, while there are too few weeks to see a trend.
UNKNOWN_TREND = 0.22
# What trends are usually like, as a logarithm a week, and how much likelier it is beforehand that there is none.
USUAL_TREND, ODDS_OF_NONE = 0.2, 2.0
# By how much each day of the week that was never seen may change a week's sum, as a variance.
UNSEEN_DAY_VARIANCE = 0.03
# A trend is believed for so many weeks to come.
TREND_WEEKS = 6
# Forecasts are tried out from so many days ago, over so many days; the spread that the days suggest counts for
# as much as USUAL_SPREAD independent trials.
TRIED_FROM = (1, 2, 3, 5, 7, 10, 14, 21, 28)
TRIED_OVER = (1, 3, 7, 14, 28)
USUAL_SPREAD = 3.0
# A single miss beyond three standard deviations tells no more than that it was one.
WORST_MISS = 9.0


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
    """What was learned: expected credits for each hour of the week, the trend, and how far days stray.

    ``scale`` is how much wider (or narrower, below 1) the interval must be than the days suggest.
    """

    profile: tuple[float, ...]
    trend_a_week: float
    trend_error: float
    daily_variance: float
    days: float
    unseen_days: int = 0
    scale: float = 1.0

    def crossings(self, amounts: Sequence[float], start: float) -> list[Crossing]:
        """Return when each of ``amounts`` (credits) will have been spent, counted from ``start`` (epoch hours)."""
        ladders = [_Ladder(amount) for amount in amounts]
        an_average_day = sum(self.profile) / 7
        for passed, spent in self._ahead(start):
            if all(ladder.is_done for ladder in ladders):
                break
            spread = self.spread(passed / 24, spent / an_average_day) if an_average_day > 0 else 0.0
            for ladder in ladders:
                ladder.climb(spent, spread, passed)
        return [ladder.crossing() for ladder in ladders]

    def median(self, amount: float, start: float) -> float | None:
        """Return the median of what ``crossings`` returns for one amount, for a fraction of the work."""
        before = (0.0, 0.0)
        for passed, spent in self._ahead(start) if amount > 0 else ():
            if spent >= amount:
                share = (amount - before[1]) / (spent - before[1])
                return before[0] + (passed - before[0]) * share
            before = passed, spent
        return None if amount > 0 else 0.0

    def _ahead(self, start: float) -> Iterator[tuple[float, float]]:
        """Yield hours from ``start`` on and what is expected to have been spent by then, for a year."""
        by_day = [sum(self.profile[slot : slot + 24]) for slot in range(0, HOURS_A_WEEK, 24)]
        spent, passed = 0.0, 0.0
        while passed < HOURS_A_YEAR:
            number = math.floor(start + passed + 1e-9)
            if passed > COARSE_AFTER and number % 24 == 0:
                step, burn = 24.0, by_day[(number + 72) % HOURS_A_WEEK // 24] * self._growth(passed + 12)
            else:
                step = number + 1 - (start + passed)
                burn = self.expected(number, passed) * step
            spent += burn
            passed += step
            yield passed, spent

    def expected(self, number: int, hours_ahead: float) -> float:
        """Return the credits expected to be spent in an hour that lies so far ahead."""
        return self.profile[(number + 72) % HOURS_A_WEEK] * self._growth(hours_ahead)

    def _growth(self, hours_ahead: float) -> float:
        weeks = hours_ahead / HOURS_A_WEEK
        return math.exp(self.trend_a_week * TREND_WEEKS * (1 - math.exp(-weeks / TREND_WEEKS)))

    def spread(self, days: float, burnt_days: float) -> float:
        """Return the standard deviation of the logarithm of what will have been spent after ``days``.

        ``burnt_days`` is the expected sum in average days: a quiet night has little in it to even things out.
        """
        weeks = days / 7
        noise = self.daily_variance * (1 / max(burnt_days, 1 / 48) + 1 / max(self.days, 1.0))
        drift = DRIFT_A_WEEK**2 * (weeks + 1) + (self.trend_error * min(weeks + 1, TREND_WEEKS) / 2) ** 2
        unseen = self.unseen_days * UNSEEN_DAY_VARIANCE * min(1.0, weeks)
        return self.scale * math.sqrt(math.log1p(noise + drift + unseen))


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
        levels = (spent * math.exp(Z80 * spread), spent, spent * math.exp(-Z80 * spread))
        for place, reached in enumerate(levels):
            # The spread shrinks with the first hours, the sum of what was spent never does.
            level = max(reached, self.before[place])
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


def learn(hours: Sequence[Hour], now: int, *, median_only: bool = False) -> Pattern | None:
    """Learn the pattern of ``hours`` as of the hour ``now``; None while there are fewer than HOURS_NEEDED.

    With ``median_only`` the interval is left as the days suggest it, which is far quicker.
    """
    usable = [hour for hour in hours if hour.covered >= LEAST_COVERED and hour.number < now]
    if len(usable) < HOURS_NEEDED:
        return None
    pattern = _fit(usable, now)
    return pattern if median_only else replace(pattern, scale=_scale(usable, now))


def _fit(usable: Sequence[Hour], now: int) -> Pattern:
    profile = weekly_profile([(hour.slot, _weight(hour, now), hour.spent / hour.covered) for hour in usable])
    days = _days(usable, profile, now)
    variance = _variance(days, 0.0, _level(days, 0.0))
    trend, error = _trend(days, variance)
    level = _level(days, trend)
    variance = _variance(days, trend, level)
    unseen = 7 - len({hour.slot // 24 for hour in usable})
    weight = sum(0.5 ** (day.age / 14) for day in days)
    return Pattern(tuple(value * level for value in profile), trend, error, variance, weight, unseen)


def _weight(hour: Hour, now: int) -> float:
    return float(0.5 ** ((now - hour.number) / HALF_LIFE_HOURS)) * hour.covered


def _scale(usable: Sequence[Hour], now: int) -> float:
    """Return by what the spread must be multiplied to fit how far forecasts at earlier moments have missed."""
    misses: dict[int, list[float]] = {over: [] for over in TRIED_OVER}
    furthest = 0
    for age in TRIED_FROM:
        past = [hour for hour in usable if hour.number < now - 24 * age]
        if len(past) < HOURS_NEEDED:
            break
        furthest = age
        pattern = _fit(past, now - 24 * age)
        for over in TRIED_OVER:
            miss = _miss(pattern, usable, now - 24 * age, over) if over <= age else None
            if miss is not None:
                misses[over].append(min(miss**2, WORST_MISS))
    tried = {over: found for over, found in misses.items() if found}
    # Trials over one stretch overlap, and long ones hold the short ones: they count for fewer than they are.
    weights = {over: min(len(found), furthest / over) / math.sqrt(len(tried)) for over, found in tried.items()}
    missed = sum(weights[over] * fmean(found) for over, found in tried.items())
    return math.sqrt((USUAL_SPREAD + missed) / (USUAL_SPREAD + sum(weights.values())))


def _miss(pattern: Pattern, hours: Sequence[Hour], origin: int, days: int) -> float | None:
    """Return by how many of its own standard deviations a forecast was off; None where that cannot be said."""
    after = [hour for hour in hours if origin <= hour.number < origin + 24 * days]
    spent = sum(hour.spent for hour in after)
    expected = sum(pattern.expected(hour.number, hour.number - origin) * hour.covered for hour in after)
    if len(after) < 12 * days or spent <= 0 or expected <= 0:
        return None
    spread = pattern.spread(days, 7 * expected / sum(pattern.profile))
    return math.log(spent / expected) / max(spread, 1e-3)


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


def _trend(days: Sequence[_Day], variance: float) -> tuple[float, float]:
    """Return the growth a week as a logarithm, shrunk by how likely it is chance, and its standard error."""
    weeks: dict[int, list[_Day]] = {}
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
        # A burn that is even from day to day is likely to be even from week to week.
        return 0.0, UNKNOWN_TREND * (0.3 + 0.7 * min(1.0, variance / 0.1))
    return _believed(*_slope(points))


def _slope(points: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the slope of a line through ``points`` (x, y, weight), and its variance; more where they stray."""
    total = sum(w for _, _, w in points)
    x_mean, y_mean = sum(w * x for x, _, w in points) / total, sum(w * y for _, y, w in points) / total
    spread = sum(w * (x - x_mean) ** 2 for x, _, w in points)
    slope = sum(w * (x - x_mean) * (y - y_mean) for x, y, w in points) / spread
    rest = sum(w * (y - y_mean - slope * (x - x_mean)) ** 2 for x, y, w in points)
    return slope, max(1.0, rest / max(1, len(points) - 2)) / spread


def _believed(slope: float, variance: float) -> tuple[float, float]:
    """Return mean and standard deviation of the trend: it is none at all, or one of the usual size, as is likelier."""
    share = USUAL_TREND**2 / (USUAL_TREND**2 + variance)
    odds = math.sqrt(1 - share) * math.exp(min(50.0, slope**2 / variance / 2 * share)) / ODDS_OF_NONE
    likely, mean = odds / (1 + odds), slope * share
    return likely * mean, math.sqrt(max(0.0, likely * (share * variance + mean**2) - (likely * mean) ** 2))


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
