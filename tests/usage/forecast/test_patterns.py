import math
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean

import pytest

from usage.forecast import BurnHour, Pattern, RecurringBatch, fit_pattern, usable_hours
from usage.forecast.burn_models import DayOfBurn, _deviations

# A Monday, 00:00.
FIRST = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() // 3600)


def past(days, spent, *, noise=0.3):
    """Return hours of so many days; ``spent`` says what is usual at an hour counted from the first."""
    rng = random.Random(5)
    return [BurnHour(FIRST + n, max(0.0, spent(n) * rng.gauss(1, noise))) for n in range(round(days * 24))]


def forecast(hours, amount):
    now = hours[-1].number + 1
    pattern = fit_pattern(hours, now)
    return pattern, pattern.crossings([amount], now, usable_hours(hours, now))[0]


def monthly(n):
    at = datetime.fromtimestamp((FIRST + n) * 3600, UTC)
    return 6000.0 if (at.day, at.hour) == (12, 6) else 0.5


@pytest.mark.parametrize("factor", [0.3, 3])
def test_after_a_sudden_step_only_what_was_spent_since_then_counts(factor):
    pattern, found = forecast(past(42, lambda n: 20 * (factor if n >= 36 * 24 else 1)), 20 * factor * 24 * 10)
    assert found.median == pytest.approx(240, rel=0.1)
    assert (pattern.model, pattern.step_days) == ("step", 6)


@pytest.mark.parametrize("rate", [1.03, 0.97])
def test_growth_and_decline_go_on(rate):
    burn = 20 * rate**40
    pattern, found = forecast(past(40, lambda n: 20 * rate ** (n / 24)), burn * 24 * (rate**28 - 1) / math.log(rate))
    assert found.median == pytest.approx(28 * 24, rel=0.06)
    assert found.early < 28 * 24 < found.late
    assert math.exp(pattern.trend_a_week) == pytest.approx(rate**7, rel=0.05)


def test_a_burn_that_only_wavers_keeps_the_usual_course():
    pattern, found = forecast(past(42, lambda _: 20), 4800)
    assert (pattern.model, pattern.batch, pattern.is_less_than_one_cycle) == ("usual", None, False)
    assert found.median == pytest.approx(240, rel=0.05)


def test_one_batch_is_less_than_one_cycle_and_the_next_may_be_anywhere():
    pattern, found = forecast(past(20, monthly), 3000)
    assert pattern.is_less_than_one_cycle
    assert found.late - found.early > 14 * 24


def test_a_monthly_batch_seen_twice_comes_on_the_same_day_of_the_next_month():
    hours = past(48, monthly, noise=0)
    pattern, found = forecast(hours, 3000)
    due = datetime(2026, 3, 12, 6, tzinfo=UTC).timestamp() / 3600 - hours[-1].number - 1
    assert not pattern.is_less_than_one_cycle
    assert found.median == pytest.approx(due, abs=2)
    assert found.early == pytest.approx(due - 15.4, abs=2)


def test_a_weekly_batch_decides_on_which_day_the_credits_run_out():
    hours = past(24, lambda n: 4000 if n % 168 == 33 else 0.5, noise=0)
    _, found = forecast(hours, 6000)
    assert found.median == pytest.approx(5 * 168 + 33 - 24 * 24, abs=2)


def test_a_batch_that_stayed_away_is_no_longer_expected():
    hours = past(49, lambda n: 4000 if n % 168 == 33 and n < 28 * 24 else 0.5, noise=0)
    assert fit_pattern(hours, hours[-1].number + 1).batch is None


def test_irregular_campaigns_are_no_rhythm():
    days = {3, 4, 12, 17, 31, 35}
    hours = past(42, lambda n: 300 if n // 24 in days else 0.5)
    assert fit_pattern(hours, hours[-1].number + 1).batch is None


def test_hours_older_than_eight_weeks_tell_of_rare_batches_only():
    hours = past(100, monthly, noise=0)
    now = hours[-1].number + 1
    dear = [hour for hour in hours if hour.spent > 100 or hour.number >= now - 8 * 168]
    assert fit_pattern(dear, now).batch == fit_pattern(hours, now).batch
    assert fit_pattern(dear, now).batch.last == datetime(2026, 4, 12, 6, tzinfo=UTC).timestamp() / 3600


def test_the_median_is_the_same_whether_or_not_the_interval_is_asked_for():
    hours = past(43, monthly)
    pattern, found = forecast(hours, 8000)
    assert pattern.median(8000, hours[-1].number + 1) == pytest.approx(found.median)


def test_days_of_which_some_hours_were_not_read_count_for_what_was_read():
    hours = past(28, lambda _: 20)
    holey = [replace(hour, spent=hour.spent / 2, covered=0.5) for hour in hours if hour.number % 24 > 5]
    assert fit_pattern(holey, hours[-1].number + 1).median(4800, hours[-1].number + 1) == pytest.approx(240, rel=0.06)


@pytest.mark.parametrize(("days", "surely"), [(10, 5), (28, 14)])
def test_nobody_is_sure_for_longer_than_half_the_time_that_was_watched(days, surely):
    _, found = forecast(past(days, lambda _: 20), 20 * 24 * 40)
    assert found.early == surely * 24
    assert found.median == pytest.approx(40 * 24, rel=0.1)
    assert forecast(past(days, lambda _: 20), 20 * 24 * 2)[1].early > 40


@pytest.mark.parametrize(("hours", "is_open"), [(120, False), (121, True)])
def test_of_a_longer_time_what_will_be_spent_is_open(hours, is_open):
    past_days = past(10, lambda _: 20)
    now = past_days[-1].number + 1
    found = fit_pattern(past_days, now).spent(hours, now, usable_hours(past_days, now))
    assert found.low < 20 * hours < found.high
    assert found.is_open == is_open


def test_that_nothing_is_sure_for_a_year_shortens_what_lies_beyond_a_year():
    _, found = forecast(past(10, lambda _: 1), 10**6)
    assert (found.early, found.median) == (120, None)


def test_time_before_the_eight_weeks_was_watched_as_well():
    hours = past(100, monthly, noise=0)
    now = hours[-1].number + 1
    assert (
        usable_hours([hour for hour in hours if hour.spent > 100 or hour.number >= now - 8 * 168], now)
        == 100 * 24 - 174
    )
    assert usable_hours(past(60, lambda _: 20)[: 2 * 24], now) == 0


def test_a_burst_in_the_first_week_is_not_the_usual_of_its_weekday():
    burst, _ = forecast(past(7, lambda n: 100 if 24 <= n < 72 else 2), 5000)
    office, _ = forecast(past(7, lambda n: 100 if n < 120 else 2), 5000)
    assert burst.daily_variance > 1
    assert office.daily_variance < 0.05


def test_what_a_day_is_foretold_is_halfway_between_the_other_of_its_weekday_and_days_of_its_kind():
    days = [DayOfBurn(age + 0.5, 190 if age == 7 else 100, 100, age % 7, age % 7 > 4) for age in range(14)]
    strays = _deviations(days, 0.0)
    assert strays[0] == pytest.approx(-50 / math.sqrt(1 + (1 + 1 / 9) / 4))
    assert strays[5] == 0


@pytest.mark.parametrize("days", [7, 14, 42])
def test_how_far_days_stray_is_neither_more_nor_less_than_they_do(days):
    rng = random.Random(8)
    found = []
    for _ in range(300):
        spent = [DayOfBurn(age + 0.5, rng.gauss(100, 20), 100, age % 7, age % 7 < 2) for age in range(days)]
        found.append(fmean(stray**2 for stray in _deviations(spent, 0.0)))
    assert math.sqrt(fmean(found)) == pytest.approx(20, rel=0.05)


def test_bursts_may_stay_away_for_long_and_spend_much_as_soon_as_one_comes():
    bursts = Pattern((10.0,) * 168, 0.0, 0.0, 12.0, 20.0)
    [found] = bursts.crossings([120], FIRST, 9999)
    assert found.early < 3
    assert found.median == pytest.approx(12)
    assert found.late > 10 * 24


@pytest.mark.parametrize(("chance", "share"), [(0.0, 1), (1.0, 8 / 9), (10.0, 0)])
def test_the_median_of_what_strays_by_chance_is_less_than_its_mean(chance, share):
    pattern = Pattern((10.0,) * 168, 0.0, 0.0, 1.0, 20.0, chance=chance)
    assert pattern.spent(24, FIRST, 9999).median == pytest.approx(240 * share**3)
    if share:
        assert pattern.median(240 * share**3, FIRST) == pytest.approx(24)


def test_the_low_end_of_a_narrow_interval_is_not_above_the_median():
    pattern = Pattern((10.0,) * 168, 0.0, 0.0, 4.0, 20.0, chance=4.0, scale=0.4)
    for hours in (6, 12, 24, 48):
        found = pattern.spent(hours, FIRST, 9999)
        assert found.low < found.median < found.high


def test_that_neighbouring_days_are_alike_is_not_the_chance_of_a_day():
    alike, _ = forecast(past(56, lambda n: 100 if n // 24 % 10 < 5 else 2), 5000)
    alone, _ = forecast(past(56, lambda n: 100 if n // 24 % 2 else 2), 5000)
    assert alike.daily_variance > 2 * alike.chance > 0.5
    assert alone.daily_variance == alone.chance > 0.5


def test_the_fewer_batches_were_seen_the_less_is_known_of_their_size():
    few, many = (
        fit_pattern(hours := past(days, lambda n: 4000 if n % 168 == 33 else 0.5, noise=0), hours[-1].number + 1).batch
        for days in (14, 56)
    )
    assert (few.seen, many.seen) == (2, 6)
    # Of four to come: they stray as one fourth, the mean of those seen as one half.
    assert math.log(few.spent(4, 2) / few.spent(4, 0)) == pytest.approx(2 * few.size_error * math.sqrt(1 / 4 + 1 / 2))
    assert few.spent(0, 2) == 0


def test_a_batch_that_is_overdue_may_take_a_while_still():
    batch = RecurringBatch(5000, 0.1, FIRST - 11 * 24, 240, 48)
    [found] = Pattern((0.1,) * 168, 0.0, 0.0, 0.0, 20.0, batch=batch).crossings([3000], FIRST, 9999)
    assert found.early < 12 < found.median < 48 < found.late < 96


@pytest.mark.parametrize(("at", "stray"), [((2, 12, 26), None), ((2, 12, 22.5), 25.0)])
def test_two_distances_tell_little_of_a_rhythm(at, stray):
    starts = {round(day * 24) for day in at}
    hours = past(30, lambda n: 4000 if n in starts else 0.5, noise=0)
    batch = fit_pattern(hours, hours[-1].number + 1).batch
    assert (batch and pytest.approx(batch.stray, rel=0.02)) == stray


def test_what_a_long_batch_spends_is_spent_at_any_hour_of_it():
    hours = past(44, lambda n: 100 if n % 336 in range(50, 90) else 0.1, noise=0)
    batch = fit_pattern(hours, hours[-1].number + 1).batch
    assert batch.last == FIRST + 2 * 336 + 69.5
    assert batch.stray == pytest.approx(39 / math.sqrt(12))


def test_the_work_grows_with_the_hours_and_no_faster():
    half, whole = (lines_run(forecast, past(days, office_hours), 30_000) for days in (182, 364))
    assert half < whole < 2 * half
    assert whole < 50 * 364 * 24


def office_hours(n):
    return 60 if n // 24 % 7 < 5 and 8 <= n % 24 < 18 else 1


def lines_run(function, *arguments):
    """Return how many lines of Python it ran: unlike seconds, the same on each machine."""
    found = 0

    def trace(_frame, event, _argument):
        nonlocal found
        found += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return found
