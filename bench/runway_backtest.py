"""How good is the runway? Forecasts made at many times of many synthetic histories, against what came after.

Run: python -m bench.runway_backtest [seeds] [tuning] [budgets] [kind ...]. For each kind (``bench.runway_series``) it
prints how often the true moment lay in the 80 % interval (70 to 90 % wanted), the median error of the forecast as a
share of the true runway, and that of its rivals (``bench.runway_rivals``) on the same cases. Forecasts that say "less
than one cycle seen" promise no interval: ``unsaid`` is their share, and they are left out of ``in 80 %``. Its last
column has those from 28 days of history on: a monthly batch can hardly be known before. AutoETS is dear, so that it
sees every ETS_EVERY-th case; ``own*`` is the forecast's error on just those. It needs an environment of its own with
``pip install -r bench/requirements-runway.txt``, and is left out without. "sandbox" is the demo's own past, top-ups and
hours without credits included. With "tuning" the series are those on which the constants of ``usage/forecast`` were
chosen; without, they are others, so that what is printed is not what was tuned to. ``ms`` is processor time.

With "budgets" it asks instead what will be spent in days to come, as budgets do for the end of their month or week:
how often the truth lay in the 80 % interval, and by what share of the truth the median and a straight line were off.
An interval is ``open`` if nobody can be sure for so long, and then holds all above its lower end; ``closed`` is how
often the others held the truth.
"""

import math
import random
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, product
from statistics import median
from typing import TypeVar

from bench import runway_rivals
from bench.runway_series import KINDS, MONDAY, Series
from usage.forecast import BurnHour, SpendForecast, fit_pattern, usable_hours
from usage.forecast.profiles import HOURS_A_WEEK

DAYS_SEEN = (2.5, 4, 7, 10, 14, 21, 28, 42, 56)
Row = TypeVar("Row")
DAYS_AHEAD = (1, 3, 7, 14, 28)
DAYS_LEFT = (0.5, 1, 2, 4, 7, 12, 20, 35)
# A day's credits are measured over this many hours of burn on either side of a forecast.
AROUND = 14 * 24
ETS_EVERY = 9


@dataclass(frozen=True)
class Case:
    """One forecast and what came of it, in hours."""

    seen: float
    truth: float
    early: float | None
    middle: float | None
    late: float | None
    is_unsaid: bool
    linear: float
    boot: tuple[float, float, float]
    ets: float | None
    seconds: float

    @property
    def is_inside(self) -> bool:
        """Return whether the truth lay in the interval."""
        return (self.early or 0.0) <= self.truth <= (math.inf if self.late is None else self.late)

    @property
    def is_in_bootstrap(self) -> bool:
        """Return whether the truth lay in the interval of the bootstrap."""
        return self.boot[0] <= self.truth <= self.boot[2]

    @property
    def error(self) -> float:
        """Return by what share of the truth the median was off."""
        return self.off(math.inf if self.middle is None else self.middle)

    @property
    def linear_error(self) -> float:
        """Return the same of the plain extrapolation."""
        return self.off(self.linear)

    def off(self, hours: float) -> float:
        """Return by what share of the truth an answer was off."""
        return abs(hours - self.truth) / self.truth


def cases(series: Series, rng: random.Random, with_ets: bool = False) -> list[Case]:
    """Forecast at times throughout the series, with a balance that says nothing about what comes after."""
    sums = [0.0, *accumulate(series)]
    found: list[Case] = []
    for seen in DAYS_SEEN:
        for left in DAYS_LEFT:
            now = int(seen * 24) + rng.randrange(HOURS_A_WEEK)
            # What outlives the series twice over has no truth to be compared with, so it is not asked.
            if now + 2 * left * 24 >= len(series):
                continue
            around = range(max(0, now - AROUND), min(len(series), now + AROUND))
            daily = 24 * (sums[around.stop] - sums[around.start]) / len(around)
            amount = daily * left * rng.uniform(0.8, 1.25)
            if amount > 0 and sums[-1] - sums[now] >= amount:
                found.append(case(series, sums, (now, seen, amount), with_ets and rng.randrange(ETS_EVERY) == 0))
    return found


def case(series: Series, sums: list[float], asked: tuple[int, float, float], with_ets: bool) -> Case:
    """Forecast when an amount will be spent, at an hour of the series of which so many days before were seen."""
    now, seen, amount = asked
    begin, first = now - int(seen * 24), int(MONDAY)
    hours = [BurnHour(first + number, series[number]) for number in range(begin, now)]
    started = time.process_time()
    pattern = fit_pattern(hours, first + now)
    assert pattern is not None
    crossing = pattern.crossings([amount], first + now, usable_hours(hours, first + now))[0]
    seconds = time.process_time() - started
    past = series[begin:now]
    # The truth lies within the hour in which the sum passes the amount.
    last = bisect_left(sums, sums[now] + amount)
    share = (amount - (sums[last - 1] - sums[now])) / (sums[last] - sums[last - 1])
    return Case(
        seen,
        last - 1 + share - now,
        crossing.early,
        crossing.median,
        crossing.late,
        pattern.is_less_than_one_cycle,
        runway_rivals.linear(past, amount),
        runway_rivals.bootstrap(past, amount, random.Random(now)),  # noqa: S311 - a repeatable path
        runway_rivals.auto_ets(past, amount) if with_ets else None,
        seconds,
    )


def run(seeds: int, purpose: str, kind: str) -> list[Case]:
    """Return all cases of a kind."""
    return _run(seeds, purpose, kind, partial(cases, with_ets=True))


def _run(seeds: int, purpose: str, kind: str, ask: Callable[[Series, random.Random], list[Row]]) -> list[Row]:
    found: list[Row] = []
    # The sandbox's past is dear to make.
    for seed in range(max(2, seeds // 5) if kind == "sandbox" else seeds):
        rng = random.Random(f"{purpose}/{kind}/{seed}")  # noqa: S311 - a repeatable series
        found += ask(KINDS[kind](rng), rng)
    return found


@dataclass(frozen=True)
class Spending:
    """One forecast of what will be spent in days to come, and what was."""

    truth: float
    sums: SpendForecast
    is_unsaid: bool
    line: float

    @property
    def is_inside(self) -> bool:
        """Return whether the truth lay in the interval."""
        return self.sums.low <= self.truth and (self.sums.is_open or self.truth <= self.sums.high)

    def off(self, credits_: float) -> float:
        """Return by what share of the truth an answer was off."""
        return abs(credits_ - self.truth) / self.truth


def budgets(series: Series, rng: random.Random) -> list[Spending]:
    """Forecast sums of days to come."""
    found = []
    for seen, ahead in product(DAYS_SEEN, DAYS_AHEAD):
        now = int(seen * 24) + rng.randrange(HOURS_A_WEEK)
        past, truth = series[now - int(seen * 24) : now], sum(series[now : now + ahead * 24])
        if now + ahead * 24 > len(series) or truth <= 0:
            continue
        first = int(MONDAY) + now
        hours = [BurnHour(first - len(past) + place, spent) for place, spent in enumerate(past)]
        pattern = fit_pattern(hours, first)
        assert pattern is not None
        sums = pattern.spent(ahead * 24, first, usable_hours(hours, first))
        found.append(Spending(truth, sums, pattern.is_less_than_one_cycle, runway_rivals.daily(past) * ahead))
    return found


def _budget_line(kind: str, rows: Sequence[Spending]) -> str:
    unsaid = sum(row.is_unsaid for row in rows) / len(rows)
    is_open = sum(row.sums.is_open for row in rows) / len(rows)
    own, line = median(row.off(row.sums.median) for row in rows), median(row.off(row.line) for row in rows)
    closed = inside([row for row in rows if not row.sums.is_open])
    shares = f"{unsaid:7.0%} {own:7.1%} {line:7.1%} {is_open:7.0%} {closed:7.0%}"
    return f"{kind:16} {len(rows):5} {inside(rows):8.0%} {shares}"


def inside(found: Sequence[Case | Spending]) -> float:
    """Return the share of truths in the 80 % interval, of those that promise one."""
    said = [one for one in found if not one.is_unsaid]
    return sum(one.is_inside for one in said) / len(said) if said else math.nan


def main() -> None:
    seeds = next((int(one) for one in sys.argv[1:] if one.isdecimal()), 10)
    kinds = [one for one in sys.argv[1:] if one in KINDS] or list(KINDS)
    purpose = "tuning" if "tuning" in sys.argv else "result"
    print(f"{'':16} {'n':>5} {'in 80 %':>8} {'unsaid':>7} {'own':>7} {'linear':>7}", end="")
    if "budgets" in sys.argv:
        print(f" {'open':>7} {'closed':>7}")
        for kind in kinds:
            print(_budget_line(kind, _run(seeds, purpose, kind, budgets)), flush=True)
        return
    print(f" {'bootstrap':>13}", end="")
    print(f" {'own*':>7} {'AutoETS':>12} {'ms':>5} {'from 28 days in 80 %':>21}")
    found: list[Case] = []
    for kind in kinds:
        rows = run(seeds, purpose, kind)
        print(_line(kind, rows), flush=True)
        found += rows
    print("\nby days of history (all kinds): " + _by_history(found))


def _line(kind: str, rows: Sequence[Case]) -> str:
    unsaid = sum(row.is_unsaid for row in rows) / len(rows)
    in_bootstrap = sum(row.is_in_bootstrap for row in rows) / len(rows)
    told = [row for row in rows if row.ets is not None]
    return (
        f"{kind:16} {len(rows):5} {inside(rows):8.0%} {unsaid:7.0%} {_middle(rows, lambda row: row.error)} "
        f"{_middle(rows, lambda row: row.linear_error)} {_middle(rows, lambda row: row.off(row.boot[1]))} "
        f"({in_bootstrap:3.0%}) {_middle(told, lambda row: row.error)} "
        f"{_middle(told, lambda row: row.off(row.ets or 0.0))} ({len(told):2}) "
        f"{1000 * median(row.seconds for row in rows):5.0f} {inside([row for row in rows if row.seen >= 28]):21.0%}"
    )


def _middle(rows: Sequence[Case], error: Callable[[Case], float]) -> str:
    return f"{median(map(error, rows)):7.1%}" if rows else f"{'-':>7}"


def _by_history(rows: Sequence[Case]) -> str:
    by_days = {days: [row for row in rows if row.seen == days] for days in DAYS_SEEN}
    return ", ".join(f"{days}: {inside(some):.0%}" for days, some in by_days.items() if some)


if __name__ == "__main__":
    main()
