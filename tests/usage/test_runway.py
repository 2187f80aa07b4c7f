from datetime import timedelta
from decimal import Decimal

from tests.usage.past import record_steady
from usage.runway import BEYOND, NO_READING, NOT_FALLING, REACHED, runway, runways_to


def test_without_a_reading_there_is_no_runway(workspace):
    assert runway(workspace).reason == NO_READING


def test_a_short_history_says_how_much_is_missing(workspace, now):
    now = now.replace(minute=0, second=0)
    record_steady(workspace, now, hours=5)
    assert runway(workspace, now=now).reason == "not enough history yet: 5 hours of 48"


def test_an_even_fall_ends_when_arithmetic_says(workspace, now):
    record_steady(workspace, now, hours=96, opening=5960, an_hour=10)
    found = runway(workspace, now=now)
    assert abs(found.median_at - (now + timedelta(hours=500))) < timedelta(hours=25)
    assert found.early_at < found.median_at < found.late_at


def test_a_threshold_comes_before_zero(workspace, now):
    record_steady(workspace, now)
    upper, zero = runways_to(workspace, [Decimal(2000), Decimal(0)], now)
    assert upper.median_at < zero.median_at


def test_a_threshold_above_the_balance_is_reached_already(workspace, now):
    record_steady(workspace, now)
    found = runway(workspace, Decimal(9000), now)
    assert (found.reason, found.median_at) == (REACHED, now)


def test_a_balance_that_stays_has_no_end(workspace, now):
    record_steady(workspace, now, an_hour=0)
    assert runway(workspace, now=now).reason == NOT_FALLING


def test_beyond_a_year_no_date_is_given(workspace, now):
    record_steady(workspace, now, opening=1_000_000, an_hour=1)
    found = runway(workspace, now=now)
    assert (found.median_at, found.reason) == (None, BEYOND)


def test_a_runway_takes_two_queries(workspace, now, django_assert_num_queries):
    record_steady(workspace, now)
    with django_assert_num_queries(2):
        runway(workspace, now=now)
