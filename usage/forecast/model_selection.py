"""Fits a pattern to hours: the weekly profile, and the burn model with the best backtest on the same history."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from usage.forecast.batches import BatchRhythm, find_rhythm
from usage.forecast.burn_models import ALTERNATIVES, BurnModel, DayOfBurn, usual_level
from usage.forecast.pattern import BurnHour, Pattern
from usage.forecast.profiles import HOURS_A_WEEK, WeekSums, weekly_profile

HOURS_NEEDED = 48
WEEKS_LEARNED = 8
HALF_LIFE_HOURS = 14 * 24
# The share of an hour that readings must cover for it to count, and the number of such hours that a day needs.
LEAST_COVERED = 0.5
LEAST_HOURS = 12
# The first hour of the weekend within a week.
SATURDAY = 5 * 24
# Backtests start this many days ago and extend over this many days; the spread that the days suggest counts for as much
# as USUAL_SPREAD independent trials.
BACKTEST_AGES = (1, 2, 3, 5, 7, 10, 14, 21, 28)
BACKTEST_HORIZONS = (1, 3, 7, 14, 28)
USUAL_SPREAD = 3.0
# A single miss counts as three standard deviations at most.
WORST_MISS = 9.0
# Errors of a candidate are capped here, as a logarithm.
WORST_ERROR = 1.0
# A candidate's errors must be below this share of the usual model's for it to be preferred.
BETTER = 0.75


def usable_hours(hours: Sequence[BurnHour], now: int) -> int:
    """Return how many of ``hours`` are covered well enough to learn from, as of the hour ``now``.

    Once there are enough, hours between the first of the older ones and WEEKS_LEARNED ago count as well.
    """
    usable = len(_usable(hours, now))
    return usable + max(0, _first_hour(now) - hours[0].number) if usable >= HOURS_NEEDED else usable


def _usable(hours: Sequence[BurnHour], now: int) -> list[BurnHour]:
    return [hour for hour in hours if hour.covered >= LEAST_COVERED and _first_hour(now) <= hour.number < now]


def _first_hour(now: int) -> int:
    return now - WEEKS_LEARNED * HOURS_A_WEEK


def fit_pattern(hours: Sequence[BurnHour], now: int) -> Pattern | None:
    """Fit the pattern of ``hours`` (oldest first) as of the hour ``now``; None if there are fewer than HOURS_NEEDED.

    Hours older than WEEKS_LEARNED count only for rare batches.
    """
    usable = _usable(hours, now)
    if len(usable) < HOURS_NEEDED:
        return None
    rhythm = find_rhythm([hour for hour in hours if hour.number < _first_hour(now)], usable, now)
    past = _History(rhythm.rest, now)
    return past.pattern(rhythm)


@dataclass(frozen=True)
class _DayOfHours:
    """24 hours: their spending, and the single hours if not all of them are fully covered."""

    spent: float
    slots: tuple[tuple[int, float], ...]
    is_whole: bool


class _History:
    """The hours, prepared so that profiles and days are available as of each backtest."""

    def __init__(self, usable: Sequence[BurnHour], now: int) -> None:
        self.now = now
        self.unseen_days = 7 - len({hour.slot // 24 for hour in usable})
        blocks: dict[int, list[BurnHour]] = {}
        week, self.weeks = WeekSums(), {0: WeekSums()}
        ages = sorted(BACKTEST_AGES)
        for hour in usable:
            while ages and hour.number >= now - 24 * ages[-1]:
                age = ages.pop()
                self.weeks[age] = week.scaled(2.0 ** (24 * age / HALF_LIFE_HOURS))
            weight = float(0.5 ** ((now - hour.number) / HALF_LIFE_HOURS)) * hour.covered
            week.add(hour.slot, weight, hour.spent / hour.covered)
            blocks.setdefault((now - 1 - hour.number) // 24, []).append(hour)
        self.weeks[0] = week
        # A day with less than half of its hours does not count.
        self.blocks = {age: _day_of_hours(rows) for age, rows in blocks.items() if len(rows) >= LEAST_HOURS}

    def pattern(self, rhythm: BatchRhythm) -> Pattern:
        profile = weekly_profile(self.weeks[0])
        days = self._days(profile, 0)
        course, scale = self._chosen(days)
        return replace(
            course.pattern(profile),
            unseen_days=self.unseen_days,
            scale=scale,
            batch=rhythm.batch,
            is_less_than_one_cycle=rhythm.is_less_than_one_cycle,
        )

    def _days(self, profile: Sequence[float], origin: int) -> list[DayOfBurn]:
        """Return the days before the one ``origin`` days ago, latest first, relative to ``profile``."""
        whole = [self._whole_day(profile, age) for age in range(7)]
        return [
            DayOfBurn(
                age - origin + 0.5,
                block.spent,
                whole[age % 7] if block.is_whole else _expected(block, profile),
                age % 7,
                # Judged by the day's middle.
                BurnHour(self.now - 24 * age - 12, 0.0).slot >= SATURDAY,
            )
            for age, block in sorted(self.blocks.items())
            if age >= origin
        ]

    def _whole_day(self, profile: Sequence[float], age: int) -> float:
        begin = BurnHour(self.now - 24 * (age + 1), 0.0).slot
        return sum(profile[(begin + hour) % HOURS_A_WEEK] for hour in range(24))

    def _chosen(self, days: Sequence[DayOfBurn]) -> tuple[BurnModel, float]:
        """Return the model that would have erred least so far, and the factor by which its interval must be wider."""
        trials = [trial for age in BACKTEST_AGES if (trial := self._trial(age)) is not None]
        chosen, best, least = usual_level(days), 0, BETTER * sum(trial.errors[0] for trial in trials)
        for place, fit in enumerate(ALTERNATIVES, 1):
            error, course = sum(trial.errors[place] for trial in trials), fit(days)
            if course is not None and error < least:
                chosen, best, least = course, place, error
        return chosen, _interval_scale([trial.misses[best] for trial in trials], trials[-1].age if trials else 0)

    def _trial(self, age: int) -> "_Backtest | None":
        """Forecast as of ``age`` days ago with each candidate; None if too little was known then."""
        week = self.weeks.get(age)
        if week is None or week.count < HOURS_NEEDED:
            return None
        profile = weekly_profile(week)
        before = self._days(profile, age)
        after = [day for day in self._days(profile, 0) if day.age < age]
        first = usual_level(before)
        courses = [first, *(fit(before) or first for fit in ALTERNATIVES)]
        found = [_outcomes(course, profile, after, age) for course in courses]
        return _Backtest(age, [_error(one) for one in found], [{o: m for o, _, m in one} for one in found])


@dataclass(frozen=True)
class _Backtest:
    """The errors of the usual model and its alternatives in one backtest, and misses in deviations, by days ahead."""

    age: int
    errors: list[float]
    misses: list[dict[int, float]]


# Days ahead, the error as a logarithm, and the error in standard deviations.
_Outcome = tuple[int, float, float]


def _outcomes(course: BurnModel, profile: Sequence[float], after: Sequence[DayOfBurn], age: int) -> list[_Outcome]:
    """Return the result of ``course``'s forecast over each of BACKTEST_HORIZONS that has passed and was watched."""
    found = []
    pattern = course.pattern(profile)
    a_day = sum(pattern.profile) / 7
    for over in BACKTEST_HORIZONS:
        rows = [day for day in after if day.age >= age - over] if over <= age else []
        spent = sum(day.spent for day in rows)
        expected = course.level * sum(day.expected * pattern.growth(24 * (age - day.age)) for day in rows)
        if rows and len(rows) >= over / 2 and spent > 0 and expected > 0:
            error = math.log(spent / expected)
            found.append((over, error, error / max(pattern.spread(over, expected / a_day), 1e-3)))
    return found


def _error(outcomes: Sequence[_Outcome]) -> float:
    return fmean(min(abs(error), WORST_ERROR) for _, error, _ in outcomes) if outcomes else 0.0


def _interval_scale(misses: Sequence[dict[int, float]], furthest: int) -> float:
    """Return the factor for the spread that fits the misses of the backtests."""
    by_over = {
        over: [min(some[over] ** 2, WORST_MISS) for some in misses if over in some] for over in BACKTEST_HORIZONS
    }
    tried = {over: found for over, found in by_over.items() if found}
    # Backtests overlap, and long horizons contain short ones, so they count for fewer than they are.
    weights = {over: min(len(found), furthest / over) / math.sqrt(len(tried)) for over, found in tried.items()}
    missed = sum(weights[over] * fmean(found) for over, found in tried.items())
    return math.sqrt((USUAL_SPREAD + missed) / (USUAL_SPREAD + sum(weights.values())))


def _day_of_hours(rows: Sequence[BurnHour]) -> _DayOfHours:
    slots = tuple((hour.slot, hour.covered) for hour in rows)
    return _DayOfHours(sum(hour.spent for hour in rows), slots, len(rows) == 24 and all(c >= 0.999 for _, c in slots))


def _expected(block: _DayOfHours, profile: Sequence[float]) -> float:
    return sum(profile[slot] * covered for slot, covered in block.slots)
