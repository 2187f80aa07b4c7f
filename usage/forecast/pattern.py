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
# From here on, sums go by the day: summing a year hour by hour is expensive, and the difference does not show.
COARSE_AFTER = 14 * 24
NORMAL, NEARLY_NONE = NormalDist(), 1e-6
# 10 % of outcomes lie beyond so many standard deviations on either side.
Z80 = 1.2816
LEVELS, MEDIAN = (Z80, 0.0, -Z80), (0.0,)
# Lower bound, in average days, of the spending from which the relative spread is computed.
LEAST_BURNT = 1 / 48
# A forecast is certain for at most this part of the watched time. If rare events happen at all (assumed of one account
# in three) and none was seen yet, the first comes within half of that time with a probability of 1/3: 10 % together.
SURE_PART = 0.5
# Weekly drift of the level for reasons that the past does not show, as a share.
DRIFT_A_WEEK = 0.02
# By how much each day of the week that was never seen may change a week's sum, as a variance.
UNSEEN_DAY_VARIANCE = 0.03
# A cautious trend is believed for so many weeks to come.
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
    """When an amount will have been spent, in hours from now; None when that is more than a year away."""

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

    Each has about ``credits``, as ``seen`` ones had, give or take the share ``size_error``; the last was at ``last``
    (epoch hours), and the distance is ``every`` hours, give or take ``stray``; or else it comes on the same day of each
    month.
    """

    credits: float
    size_error: float
    last: float
    every: float
    stray: float
    is_monthly: bool = False
    seen: int = 1

    def times(self, start: float, z: float) -> list[float]:
        """Return after how many hours from ``start`` each of a year's batches comes, ``z`` deviations early.

        That the next has not come by ``start`` makes it later.
        """
        found = []
        for place in range(1, int(2 * HOURS_A_YEAR / self.every)):
            due = month_later(self.last, place) if self.is_monthly else self.last + self.every * place
            stray = self.stray * (1 if self.is_monthly else math.sqrt(place))
            found.append(max(place / 60, due + stray * _deviations(z, (start - due) / stray) - start))
        return found

    def spent(self, count: int, z: float) -> float:
        """Return what so many batches spend, ``z`` deviations more: they stray, and so does the mean of those seen."""
        error = self.size_error * math.sqrt(1 / count + 1 / self.seen) if count else 0.0
        return self.credits * count * math.exp(z * error)


def _deviations(z: float, passed: float) -> float:
    """Return by how many deviations a time is late, given that it is not before ``passed``, at quantile ``z``.

    The more of the times are over, the less is known of one that is still to come: it is not due at once.
    """
    over = NORMAL.cdf(passed)
    if over < NEARLY_NONE or (z == 0 and passed <= 0):
        return -z
    return NORMAL.inv_cdf(min(1 - NEARLY_NONE, over + (1 - over) * NORMAL.cdf(-z)))


def month_later(hour: float, months: int) -> float:
    """Return the hour (since the epoch) that lies so many months later, at the same time of the same day."""
    at = datetime.fromtimestamp(hour * 3600, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day).timestamp() / 3600


@dataclass(frozen=True)
class Pattern:
    """The fitted burn: expected credits for each hour of the week, the trend, and how far days deviate.

    ``chance`` is the variance of a day alone, by which the median of a sum is less than its mean. ``scale`` is how much
    wider (or narrower, below 1) the interval must be than the days suggest. ``model`` names the chosen model;
    ``step_days`` is how many days ago the burn changed suddenly, if it did. ``is_less_than_one_cycle`` is
    true when most was spent in one batch, so that nobody knows when the next comes.
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

        ``watched`` is how many hours of history there are: what comes more rarely than that may come any day.
        """
        return [ladder.crossing(SURE_PART * watched) for ladder in self._climbed(amounts, start, LEVELS)]

    def median(self, amount: float, start: float) -> float | None:
        """Return the median of what ``crossings`` returns for one amount, for less of the work."""
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
        """Return what will be spent in ``hours`` (a year at most) from ``start`` on; the rest as in ``crossings``."""
        before, levels = (0.0, [0.0] * len(LEVELS)), [0.0] * len(LEVELS)
        for passed, reached in self._levels(start, LEVELS):
            # As in a ladder: linear between two steps, the first of which may begin within an hour.
            share = min(1.0, (hours - before[0]) / (passed - before[0]))
            levels = [low + (high - low) * share for low, high in zip(before[1], reached, strict=True)]
            if passed >= hours:
                break
            before = passed, reached
        high, median, low = levels
        return SpendForecast(low, median, high, is_open=hours > SURE_PART * watched)

    def _levels(self, start: float, deviations: Sequence[float]) -> Iterator[tuple[float, list[float]]]:
        """Yield hours from ``start`` on and what will have been spent by then, so many ``deviations`` more."""
        an_average_day = sum(self.profile) / 7
        times = [self.batch.times(start, z) if self.batch else [] for z in deviations]
        batches = [self._batches(due, z) for due, z in zip(times, deviations, strict=True)]
        before = [0.0] * len(deviations)
        # As far as forecasts have borne it out, or the low end of a narrow interval would be above the median.
        chance = self.chance * min(1.0, self.scale) ** 2
        for passed, spent in self._ahead(start, list(chain.from_iterable(times))):
            burnt_days = spent / an_average_day if an_average_day > 0 else 0.0
            spread = 0.0 if deviations is MEDIAN else self.spread(passed / 24, burnt_days)
            # What is not known of level and trend may as well be more as less: the median knows of chance alone.
            middle = _median(chance / max(burnt_days, LEAST_BURNT))
            levels = [
                spent * (_quantile(z, spread) if z else middle) + in_batches(passed)
                for z, in_batches in zip(deviations, batches, strict=True)
            ]
            # The spread shrinks with the first hours, the sum of what was spent never does.
            before = [max(level, reached) for level, reached in zip(levels, before, strict=True)]
            yield passed, before

    def _batches(self, times: Sequence[float], z: float) -> Callable[[float], float]:
        """Return a function from hours ahead to the credits that batches at ``times`` will have spent by then."""
        batch = self.batch
        return lambda passed: batch.spent(bisect_right(times, passed), z) if batch else 0.0

    def _ahead(self, start: float, times: Sequence[float]) -> Iterator[tuple[float, float]]:
        """Yield hours from ``start`` on and what is expected to have been spent by then beside batches, for a year.

        Days of batches, which come at ``times``, go by the hour.
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
        """Return by what the burn will have been multiplied so far ahead."""
        weeks = hours_ahead / HOURS_A_WEEK
        return math.exp(self.trend_a_week * self.trend_weeks * (1 - math.exp(-weeks / self.trend_weeks)))

    def spread(self, days: float, burnt_days: float) -> float:
        """Return the standard deviation of what will have been spent after ``days``, as a share of it.

        ``burnt_days`` is the expected sum in average days: a quiet night has little in it to even things out.
        """
        weeks = days / 7
        noise = self.daily_variance * (1 / max(burnt_days, LEAST_BURNT) + 1 / max(self.days, 1.0))
        drift = DRIFT_A_WEEK**2 * (weeks + 1) + (self.trend_error * min(weeks + 1, TREND_WEEKS) / 2) ** 2
        unseen = self.unseen_days * UNSEEN_DAY_VARIANCE * min(1.0, weeks)
        return self.scale * math.sqrt(noise + drift + unseen)


def _quantile(z: float, spread: float) -> float:
    """Return by what an expected sum is multiplied to be ``z`` deviations more; ``spread`` is one, as a share.

    A sum of bursts can stay next to nothing for long, as a gamma distribution does (by Wilson and Hilferty), and be a
    multiple of what is expected as soon as one has come, as a log-normal one is. For small spreads both are the same.
    """
    if z < 0:
        return max(0.0, 1 - spread * spread / 9 + z * spread / 3) ** 3
    return math.exp(z * math.sqrt(math.log1p(spread * spread)))


def _median(variance: float) -> float:
    """Return the median of a gamma distribution as a share of its mean, in the same way."""
    return max(0.0, 1 - variance / 9) ** 3


class _CrossingSearch:
    """Finds when cumulated spending passes an amount: early, median and late. Steps are interpolated linearly."""

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
        """Return the crossing; ``surely`` is the number of hours for which a forecast can be certain at most."""
        early, median, late = self.found
        if surely < (HOURS_A_YEAR if early is None else early):
            early = surely
        return Crossing(early, median, late)
