"""How good is the runway? Forecasts made at many moments of many synthetic pasts, against what came after.

Run: python -m bench.runway_backtest [seeds] [tuning]. For each kind of series it prints how often the true moment lay
in the 80 % interval (70 to 90 % wanted), and the median error of the forecast beside that of a plain linear
extrapolation, which divides what is left by the mean burn of the last seven days. Errors are shares of the true
runway. "sandbox" is the demo's own past: recorded-like, five weeks, top-ups and hours without credits included. With
"tuning" the series are those on which the constants of ``usage/forecasting.py`` were chosen; without, they are others,
so that what is printed is not what was tuned to.
"""

import datetime as dt
import math
import random
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from statistics import median

from usage.forecasting import Hour, learn
from usage.profiles import HOURS_A_WEEK

WEEKS = 16
MONDAY = (dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()) // 3600
DAYS_SEEN = (2.5, 4, 7, 10, 14, 21, 28, 42, 56)
DAYS_LEFT = (0.5, 1, 2, 4, 7, 12, 20, 35)
Series = list[float]


def steady(rng: random.Random) -> Series:
    return [max(0.0, rng.gauss(20, 8)) for _ in range(WEEKS * HOURS_A_WEEK)]


def weekday_only(rng: random.Random) -> Series:
    def hour(number: int) -> float:
        day, clock = number // 24 % 7, number % 24
        return max(0.0, rng.gauss(60, 25)) if day < 5 and 8 <= clock < 18 else 0.0

    return [hour(number) for number in range(WEEKS * HOURS_A_WEEK)]


def bursty(rng: random.Random) -> Series:
    """Spend a little, and now and then a campaign of some hours that costs more than days of it."""
    series = [max(0.0, rng.gauss(3, 2)) for _ in range(WEEKS * HOURS_A_WEEK)]
    start = 0
    while (start := start + 1 + int(rng.expovariate(1 / 40))) < len(series):
        size, length = rng.lognormvariate(5.5, 0.8), rng.randint(2, 8)
        for number in range(start, min(start + length, len(series))):
            series[number] += size / length
    return series


def growing(rng: random.Random) -> Series:
    """Weekdays with busy days, ten per cent more from week to week for eight weeks, then slower."""

    def hour(number: int) -> float:
        weeks = number / HOURS_A_WEEK
        level = 1.1 ** min(weeks, 8 + (weeks - 8) / 3 if weeks > 8 else weeks)
        day, clock = number // 24 % 7, number % 24
        return max(0.0, rng.gauss(20, 8)) * level * (1.0 if day < 5 else 0.4) * (1.5 if 7 <= clock < 19 else 0.5)

    return [hour(number) for number in range(WEEKS * HOURS_A_WEEK)]


def with_top_ups(rng: random.Random) -> Series:
    """Stop where the credits run out, until somebody tops up some hours later."""
    wanted = [max(0.0, value * rng.lognormvariate(0, 0.3)) for value in growing(rng)]
    left, dry_for, series = 6000.0, 0, []
    for value in wanted:
        spent = min(value, left)
        series.append(spent)
        left -= spent
        dry_for = dry_for + 1 if left < 1 else 0
        if dry_for > rng.randint(1, 20):
            left, dry_for = 10_000.0, 0
    return series


def sandbox_past(rng: random.Random) -> Series:
    from sandbox.traffic.past import Place, begins, make  # noqa: PLC0415 - the other kinds need no sandbox

    anchor = dt.datetime.fromtimestamp(MONDAY * 3600, dt.UTC) + dt.timedelta(days=35)
    place = Place(rng.randrange(10**6), anchor, anchor, "org", "list", Decimal(8000))
    series = [0.0] * (35 * 24)
    for entry in make(place).ledger_entries:
        hour = int((entry["at"] - begins(anchor)).total_seconds() // 3600)
        if entry["kind"] == "settle" and 0 <= hour < len(series):
            series[hour] -= float(entry["amount"])
    return series


KINDS: dict[str, Callable[[random.Random], Series]] = {
    "steady": steady,
    "weekday-only": weekday_only,
    "bursty": bursty,
    "growing": growing,
    "with top-ups": with_top_ups,
    "sandbox": sandbox_past,
}


@dataclass(frozen=True)
class Case:
    """One forecast and what came of it, in hours."""

    seen: float
    truth: float
    early: float | None
    middle: float | None
    late: float | None
    linear: float

    @property
    def is_inside(self) -> bool:
        """Say whether the truth lay in the interval."""
        return (self.early or math.inf) <= self.truth <= (self.late or math.inf)

    @property
    def error(self) -> float:
        """Return by what share of the truth the median was off."""
        return math.inf if self.middle is None else abs(self.middle - self.truth) / self.truth

    @property
    def linear_error(self) -> float:
        """Return the same of the plain extrapolation."""
        return abs(self.linear - self.truth) / self.truth


def cases(series: Series, rng: random.Random) -> list[Case]:
    """Forecast at moments throughout the series, with a balance that says nothing about what comes after."""
    sums = [0.0, *accumulate(series)]
    daily = 24 * sums[-1] / len(series)
    found = []
    for seen in DAYS_SEEN:
        for left in DAYS_LEFT:
            now = int(seen * 24) + rng.randrange(HOURS_A_WEEK)
            amount = daily * left * rng.uniform(0.8, 1.25)
            # What outlives the series twice over has no truth to be compared with, so it is not asked.
            if now + 2 * left * 24 < len(series) and sums[-1] - sums[now] >= amount:
                found.append(case(series, sums, now, amount, seen))
    return found


def case(series: Series, sums: list[float], now: int, amount: float, seen: float) -> Case:
    begin, first = now - int(seen * 24), int(MONDAY)
    pattern = learn([Hour(first + number, series[number]) for number in range(begin, now)], first + now)
    assert pattern is not None
    crossing = pattern.crossings([amount], first + now)[0]
    window = min(now - begin, HOURS_A_WEEK)
    burn = (sums[now] - sums[now - window]) / window
    # The truth lies within the hour in which the sum passes the amount.
    last = bisect_left(sums, sums[now] + amount)
    share = (amount - (sums[last - 1] - sums[now])) / (sums[last] - sums[last - 1])
    truth = last - 1 + share - now
    return Case(seen, truth, crossing.early, crossing.median, crossing.late, amount / burn if burn else math.inf)


def run(seeds: int, purpose: str) -> dict[str, list[Case]]:
    """Return all cases of each kind."""
    found: dict[str, list[Case]] = defaultdict(list)
    for kind, make in KINDS.items():
        # The sandbox's past is dear to make.
        for seed in range(max(2, seeds // 5) if kind == "sandbox" else seeds):
            rng = random.Random(f"{purpose}/{kind}/{seed}")  # noqa: S311 - a repeatable series
            found[kind] += cases(make(rng), rng)
    return found


def inside(found: list[Case]) -> float:
    """Return the share of truths in the 80 % interval."""
    return sum(one.is_inside for one in found) / len(found)


def main() -> None:
    seeds = next((int(one) for one in sys.argv[1:] if one.isdecimal()), 30)
    found = run(seeds, "tuning" if "tuning" in sys.argv else "result")
    print(f"{'series':14} {'forecasts':>9} {'in 80 %':>8} {'error':>8} {'linear':>8}")
    for kind, rows in found.items():
        error, linear = median(row.error for row in rows), median(row.linear_error for row in rows)
        print(f"{kind:14} {len(rows):9} {inside(rows):8.0%} {error:8.1%} {linear:8.1%}")
    print("\nby days of history (all kinds): " + _by_history([row for rows in found.values() for row in rows]))


def _by_history(rows: list[Case]) -> str:
    by_days = {days: [row for row in rows if row.seen == days] for days in DAYS_SEEN}
    return ", ".join(f"{days}: {inside(some):.0%}" for days, some in by_days.items() if some)


if __name__ == "__main__":
    main()
