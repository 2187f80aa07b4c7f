"""Synthetic pasts for ``bench.runway_backtest``: credits spent in each hour, from a Monday on."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal

from usage.forecast.profiles import HOURS_A_WEEK

WEEKS = 16
HOURS = WEEKS * HOURS_A_WEEK
MONDAY = (dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()) // 3600
Series = list[float]


def steady(rng: random.Random) -> Series:
    return [max(0.0, rng.gauss(20, 8)) for _ in range(HOURS)]


def _office(rng: random.Random, number: int) -> float:
    day, clock = number // 24 % 7, number % 24
    return max(0.0, rng.gauss(60, 25)) if day < 5 and 8 <= clock < 18 else 0.0


def weekday_only(rng: random.Random) -> Series:
    return [_office(rng, number) for number in range(HOURS)]


def bursty(rng: random.Random) -> Series:
    """Spend a little, and now and then a campaign of some hours that costs more than days of it."""
    series = [max(0.0, rng.gauss(3, 2)) for _ in range(HOURS)]
    start = 0
    while (start := start + 1 + int(rng.expovariate(1 / 40))) < len(series):
        _add(series, start, rng.randint(2, 8), rng.lognormvariate(5.5, 0.8))
    return series


def _add(series: Series, start: int, length: int, size: float) -> None:
    for number in range(start, min(start + length, len(series))):
        series[number] += size / length


def growing(rng: random.Random) -> Series:
    """Weekdays with busy days, ten per cent more from week to week for eight weeks, then slower."""

    def hour(number: int) -> float:
        weeks = number / HOURS_A_WEEK
        level = 1.1 ** min(weeks, 8 + (weeks - 8) / 3 if weeks > 8 else weeks)
        day, clock = number // 24 % 7, number % 24
        return max(0.0, rng.gauss(20, 8)) * level * (1.0 if day < 5 else 0.4) * (1.5 if 7 <= clock < 19 else 0.5)

    return [hour(number) for number in range(HOURS)]


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
    # Imported here because the other kinds need no sandbox.
    from sandbox.demo.past_traffic import PastSettings, generate_past, starts_at  # noqa: PLC0415

    anchor = dt.datetime.fromtimestamp(MONDAY * 3600, dt.UTC) + dt.timedelta(days=35)
    settings = PastSettings(rng.randrange(10**6), anchor, anchor, "org", "list", Decimal(8000))
    series = [0.0] * (35 * 24)
    for entry in generate_past(settings).ledger_entries:
        hour = int((entry["at"] - starts_at(anchor)).total_seconds() // 3600)
        if entry["kind"] == "settle" and 0 <= hour < len(series):
            series[hour] -= float(entry["amount"])
    return series


def eventful_office(rng: random.Random) -> Series:
    """Office hours, double at the end of a month, with holidays, a step, and an outage of the caller."""
    holidays, step = set(rng.sample(range(HOURS // 24), 5)), rng.randrange(30, 80)
    outage, after = rng.randrange(HOURS), rng.uniform(0.6, 1.7)

    def hour(number: int) -> float:
        day = number // 24
        level = (after if day >= step else 1.0) * (2.0 if day % 30 >= 27 else 1.0)
        return 0.0 if day in holidays or outage <= number < outage + 30 else _office(rng, number) * level

    return [hour(number) for number in range(HOURS)]


def nightly(rng: random.Random) -> Series:
    """Run one batch at two each night."""
    return [rng.lognormvariate(6, 0.25) if number % 24 == 2 else 0.0 for number in range(HOURS)]


def nightly_weekdays(rng: random.Random) -> Series:
    return [spent if number // 24 % 7 < 5 else 0.0 for number, spent in enumerate(nightly(rng))]


def weekly_batch(rng: random.Random) -> Series:
    """Run one batch on Tuesdays at nine, and next to nothing besides."""
    size = [rng.lognormvariate(8, 0.2) for _ in range(WEEKS)]
    return [size[n // HOURS_A_WEEK] if n % HOURS_A_WEEK == 33 else rng.random() for n in range(HOURS)]


def near_zero(rng: random.Random) -> Series:
    """Spend nothing in most hours and a few credits in some."""
    return [float(rng.randint(1, 12)) if rng.random() < 0.04 else 0.0 for _ in range(HOURS)]


def campaigns(rng: random.Random) -> Series:
    """Spend all within campaigns of some days, at no regular distance."""
    series = [max(0.0, rng.gauss(2, 1)) for _ in range(HOURS)]
    start = rng.randrange(240)
    while start < HOURS:
        _add(series, start, rng.randint(24, 96), rng.lognormvariate(8.5, 0.6))
        start += 48 + int(rng.expovariate(1 / 216))
    return series


def _by_day(rng: random.Random, factor: float) -> Series:
    return [max(0.0, rng.gauss(20, 8)) * factor ** (number / 24) for number in range(HOURS)]


def three_per_cent_more(rng: random.Random) -> Series:
    return _by_day(rng, 1.03)


def three_per_cent_less(rng: random.Random) -> Series:
    return _by_day(rng, 0.97)


def step(rng: random.Random) -> Series:
    """Burn a third or three times as much from some day on."""
    at, factor = rng.randrange(4, 60), rng.choice((0.3, 3.0))
    return [spent * (factor if number >= at * 24 else 1.0) for number, spent in enumerate(steady(rng))]


def monthly_batch(rng: random.Random) -> Series:
    """Run one batch in the morning of the same day each month, and next to nothing besides."""
    series = [rng.random() for _ in range(HOURS)]
    day, first = rng.randint(1, 28), dt.datetime.fromtimestamp(MONDAY * 3600, dt.UTC)
    for number in range(HOURS):
        at = first + dt.timedelta(hours=number)
        if at.day == day and at.hour == 6:
            series[number] += rng.lognormvariate(9, 0.15)
    return series


KINDS: dict[str, Callable[[random.Random], Series]] = {
    "steady": steady,
    "weekday-only": weekday_only,
    "bursty": bursty,
    "growing": growing,
    "with top-ups": with_top_ups,
    "sandbox": sandbox_past,
    "eventful office": eventful_office,
    "nightly": nightly,
    "nightly weekdays": nightly_weekdays,
    "weekly batch": weekly_batch,
    "near zero": near_zero,
    "campaigns": campaigns,
    "+3 % a day": three_per_cent_more,
    "-3 % a day": three_per_cent_less,
    "step": step,
    "monthly batch": monthly_batch,
}
