"""The fitted pattern of a burn, and when it will have spent an amount."""

import math
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from statistics import NormalDist

from usage.forecast.profiles import HOURS_A_WEEK

USUAL = "usual"
HOURS_A_YEAR = 365 * 24
# Beyond this, sums are per day: summing a year hour by hour is expensive, and the difference is not visible.
COARSE_AFTER = 14 * 24
NORMAL, NEARLY_NONE = NormalDist(), 1e-6
# 10 % of outcomes are beyond this many standard deviations on either side.
Z80 = 1.2816
LEVELS, MEDIAN = (Z80, 0.0, -Z80), (0.0,)
# Lower bound, in average days, of the spending that the relative spread is computed from.
LEAST_BURNT = 1 / 48
# A forecast is certain for at most this share of the watched time. If rare events happen at all (assumed for one
# account in three) and none was seen yet, the first comes within half of that time with a probability of 1/3: 10 %
# together.
SURE_PART = 0.5
# Weekly drift of the level for reasons that the past does not show, as a share.
DRIFT_A_WEEK = 0.02
# How much each unseen day of the week may change a week's sum, as a variance.
UNSEEN_DAY_VARIANCE = 0.03
# A cautious trend is extrapolated for this many weeks.
TREND_WEEKS = 6.0


@dataclass(frozen=True)
class BurnHour:
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
    """When an amount will have been spent, in hours from now; None if that is more than a year away."""

    early: float | None
    median: float | None
    late: float | None


@dataclass(frozen=True)
class SpendForecast:
    """The credits that will be spent in a range of time: the median, and the 80 % interval around it.

    If it ``is_open``, the range is too long to be certain: events never seen before may exceed ``high``.
    """

    low: float
    median: float
    high: float
    is_open: bool = False


@dataclass(frozen=True)
class RecurringBatch:
    """Work that recurs at a regular interval, on top of the profile.

    Each batch costs about ``credits``, the average of ``seen`` ones, plus or minus the share ``size_error``. The last
    was at ``last`` (epoch hours). The distance is ``every`` hours, plus or minus ``stray``, or else the batch comes on
    the same day of each month.
    """

    credits: float
    size_error: float
    last: float
    every: float
    stray: float
    is_monthly: bool = False
    seen: int = 1

    def times(self, start: float, z: float) -> list[float]:
        """Return the hours from ``start`` to each batch within a year, ``z`` deviations early.

        If the next has not come by ``start``, it is expected later.
        """
        found = []
        for place in range(1, int(2 * HOURS_A_YEAR / self.every)):
            due = month_later(self.last, place) if self.is_monthly else self.last + self.every * place
            stray = self.stray * (1 if self.is_monthly else math.sqrt(place))
            found.append(max(place / 60, due + stray * _deviations(z, (start - due) / stray) - start))
        return found

    def spent(self, count: int, z: float) -> float:
        """Return what ``count`` batches spend, plus ``z`` deviations of their sizes and of the mean of those seen."""
        error = self.size_error * math.sqrt(1 / count + 1 / self.seen) if count else 0.0
        return self.credits * count * math.exp(z * error)


def _deviations(z: float, passed: float) -> float:
    """Return by how many deviations a time is late at quantile ``z``, given that it is not before ``passed``.

    The more of the possible times are over, the less is known of one still to come: it is not due at once.
    """
    over = NORMAL.cdf(passed)
    if over < NEARLY_NONE or (z == 0 and passed <= 0):
        return -z
    return NORMAL.inv_cdf(min(1 - NEARLY_NONE, over + (1 - over) * NORMAL.cdf(-z)))


def month_later(hour: float, months: int) -> float:
    """Return the hour (since the epoch) ``months`` later, at the same time of the same day of the month."""
    at = datetime.fromtimestamp(hour * 3600, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day).timestamp() / 3600


@dataclass(frozen=True)
class Pattern:
    """The fitted burn: expected credits for each hour of the week, the trend, and how far days deviate.

    ``chance`` is the variance of a single day, which makes the median of a sum less than its mean. ``scale`` is the
    factor by which the interval must be wider (or narrower, below 1) than the days suggest. ``model`` names the chosen
    model; ``step_days`` is how many days ago the burn changed suddenly, if it did. ``is_less_than_one_cycle`` is true
    if most was spent in one batch, so that nobody knows when the next comes.
    """

    profile: tuple[float, ...]
    trend_a_week: float
    trend_error: float
    daily_variance: float
    days: float
    chance: float = 0.0
    unseen_days: int = 0
    scale: float = 1.0
    trend_weeks: float = TREND_WEEKS
    model: str = USUAL
    step_days: int | None = None
    batch: RecurringBatch | None = None
    is_less_than_one_cycle: bool = False

    @property
    def is_falling(self) -> bool:
        """Return whether anything is spent at all."""
        return self.batch is not None or any(self.profile)

    def crossings(self, amounts: Sequence[float], start: float, watched: float) -> list[Crossing]:
        """Return when each of ``amounts`` (credits) will have been spent, counted from ``start`` (epoch hours).

        ``watched`` is the number of hours of history: events rarer than that may happen any day.
        """
        return [ladder.crossing(SURE_PART * watched) for ladder in self._climbed(amounts, start, LEVELS)]

    def median(self, amount: float, start: float) -> float | None:
        """Return the median crossing of one amount, with less work than ``crossings``."""
        [ladder] = self._climbed([amount], start, MEDIAN)
        return ladder.found[0]

    def _climbed(self, amounts: Sequence[float], start: float, deviations: Sequence[float]) -> list["_CrossingSearch"]:
        ladders = [_CrossingSearch(amount, len(deviations)) for amount in amounts]
        for passed, levels in self._levels(start, deviations):
            if all(ladder.is_done for ladder in ladders):
                break
            for ladder in ladders:
                ladder.climb(levels, passed)
        return ladders

    def spent(self, hours: float, start: float, watched: float) -> SpendForecast:
        """Return the spending in ``hours`` (at most a year) from ``start``; the rest is as in ``crossings``."""
        before, levels = (0.0, [0.0] * len(LEVELS)), [0.0] * len(LEVELS)
        for passed, reached in self._levels(start, LEVELS):
            # As in _CrossingSearch: linear between two steps, the first of which may begin within an hour.
            share = min(1.0, (hours - before[0]) / (passed - before[0]))
            levels = [low + (high - low) * share for low, high in zip(before[1], reached, strict=True)]
            if passed >= hours:
                break
            before = passed, reached
        high, median, low = levels
        return SpendForecast(low, median, high, is_open=hours > SURE_PART * watched)

    def _levels(self, start: float, deviations: Sequence[float]) -> Iterator[tuple[float, list[float]]]:
        """Yield hours from ``start`` and the total spending by then, plus each of ``deviations``."""
        an_average_day = sum(self.profile) / 7
        times = [self.batch.times(start, z) if self.batch else [] for z in deviations]
        batches = [self._batches(due, z) for due, z in zip(times, deviations, strict=True)]
        before = [0.0] * len(deviations)
        # Scaled as the backtests confirmed it, or the low end of a narrow interval would be above the median.
        chance = self.chance * min(1.0, self.scale) ** 2
        for passed, spent in self._ahead(start, list(chain.from_iterable(times))):
            burnt_days = spent / an_average_day if an_average_day > 0 else 0.0
            spread = 0.0 if deviations is MEDIAN else self.spread(passed / 24, burnt_days)
            # Uncertainty of level and trend is symmetric, so the median depends on chance alone.
            middle = _median(chance / max(burnt_days, LEAST_BURNT))
            levels = [
                spent * (_quantile(z, spread) if z else middle) + in_batches(passed)
                for z, in_batches in zip(deviations, batches, strict=True)
            ]
            # The spread shrinks during the first hours, but total spending never does.
            before = [max(level, reached) for level, reached in zip(levels, before, strict=True)]
            yield passed, before

    def _batches(self, times: Sequence[float], z: float) -> Callable[[float], float]:
        """Return a function from hours ahead to the credits spent by then in batches at ``times``."""
        batch = self.batch
        return lambda passed: batch.spent(bisect_right(times, passed), z) if batch else 0.0

    def _ahead(self, start: float, times: Sequence[float]) -> Iterator[tuple[float, float]]:
        """Yield hours from ``start`` and the expected total spending by then without batches, for a year.

        Days with batches, which come at ``times``, are divided into hours.
        """
        fine = {int(start + time) // 24 for time in times}
        by_day = [sum(self.profile[slot : slot + 24]) for slot in range(0, HOURS_A_WEEK, 24)]
        spent, passed = 0.0, 0.0
        while passed < HOURS_A_YEAR:
            number = math.floor(start + passed + 1e-9)
            if passed > COARSE_AFTER and number % 24 == 0 and number // 24 not in fine:
                step, burn = 24.0, by_day[(number + 72) % HOURS_A_WEEK // 24] * self.growth(passed + 12)
            else:
                step = number + 1 - (start + passed)
                burn = self.profile[(number + 72) % HOURS_A_WEEK] * self.growth(passed) * step
            spent += burn
            passed += step
            yield passed, spent

    def growth(self, hours_ahead: float) -> float:
        """Return the factor by which the burn will have grown by then."""
        weeks = hours_ahead / HOURS_A_WEEK
        return math.exp(self.trend_a_week * self.trend_weeks * (1 - math.exp(-weeks / self.trend_weeks)))

    def spread(self, days: float, burnt_days: float) -> float:
        """Return the standard deviation of the spending after ``days``, as a share of it.

        ``burnt_days`` is the expected sum in average days: in a quiet night, little evens out.
        """
        weeks = days / 7
        noise = self.daily_variance * (1 / max(burnt_days, LEAST_BURNT) + 1 / max(self.days, 1.0))
        drift = DRIFT_A_WEEK**2 * (weeks + 1) + (self.trend_error * min(weeks + 1, TREND_WEEKS) / 2) ** 2
        unseen = self.unseen_days * UNSEEN_DAY_VARIANCE * min(1.0, weeks)
        return self.scale * math.sqrt(noise + drift + unseen)


def _quantile(z: float, spread: float) -> float:
    """Return the factor on an expected sum for ``z`` deviations more; ``spread`` is one deviation, as a share.

    A sum of bursts can stay near zero for long, like a gamma distribution (by Wilson and Hilferty), and be a multiple
    of the expected sum after one burst, like a log-normal distribution. For small spreads both are the same.
    """
    if z < 0:
        return max(0.0, 1 - spread * spread / 9 + z * spread / 3) ** 3
    return math.exp(z * math.sqrt(math.log1p(spread * spread)))


def _median(variance: float) -> float:
    """Return the median of a gamma distribution as a share of its mean, by the same approximation."""
    return max(0.0, 1 - variance / 9) ** 3


class _CrossingSearch:
    """Finds when cumulative spending exceeds an amount: early, median and late. Steps are interpolated linearly."""

    def __init__(self, amount: float, sums: int) -> None:
        self.amount = amount
        self.found: list[float | None] = [None if amount > 0 else 0.0] * sums
        self.before = [0.0] * sums
        self.passed = 0.0

    @property
    def is_done(self) -> bool:
        return None not in self.found

    def climb(self, levels: Sequence[float], passed: float) -> None:
        for place, level in enumerate(levels):
            if self.found[place] is None and level >= self.amount:
                risen = level - self.before[place]
                share = (self.amount - self.before[place]) / risen if risen > 0 else 1.0
                self.found[place] = self.passed + (passed - self.passed) * min(max(share, 0.0), 1.0)
            self.before[place] = level
        self.passed = passed

    def crossing(self, surely: float) -> Crossing:
        """Return the crossing; ``surely`` is the maximum number of hours for which a forecast can be certain."""
        early, median, late = self.found
        if surely < (HOURS_A_YEAR if early is None else early):
            early = surely
        return Crossing(early, median, late)
