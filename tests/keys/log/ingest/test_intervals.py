"""When a key's log is read: pure arithmetic."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from keys.log.ingest import gaps

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
RATES = st.floats(min_value=0.0001, max_value=1000)
LIMITS = st.integers(min_value=1, max_value=100_000)


def steady(rate, rows=500):
    return [NOW - timedelta(seconds=number / rate) for number in range(rows)]


@given(RATES, LIMITS)
def test_less_than_half_a_page_falls_between_two_readings_or_the_shortest_interval_is_kept(rate, limit):
    seconds = gaps.interval_for(rate, limit)
    assert seconds * 1.1 * rate <= 250 or seconds == gaps.SHORTEST_SECONDS


@given(RATES, LIMITS)
def test_a_faster_key_is_never_read_more_seldom(rate, limit):
    assert gaps.interval_for(2 * rate, limit) <= gaps.interval_for(rate, limit)


@given(RATES, LIMITS)
def test_a_gap_never_slows_a_key_down(rate, limit):
    assert gaps.interval_for(rate, limit, after_gap=True) <= gaps.interval_for(rate, limit)


@given(st.floats(min_value=0.01, max_value=0.9), st.integers(min_value=2, max_value=500))
def test_a_steady_rate_is_observed_as_it_is(rate, rows):
    assert rate <= gaps.observed_rate(steady(rate, rows), NOW) <= rate * rows / (rows - 1) * 1.2


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=600))
def test_any_page_gives_a_usable_interval(ages):
    times = sorted((NOW - timedelta(seconds=age) for age in ages), reverse=True)
    seconds = gaps.interval_for(gaps.observed_rate(times, NOW), 60)
    assert gaps.SHORTEST_SECONDS <= seconds <= 480


def test_a_quiet_key_is_read_within_eight_minutes_and_sooner_on_a_plan_with_more():
    assert 420 < gaps.interval_for(0, 60) * 1.1 <= 480
    assert gaps.interval_for(0, 600) * 1.1 <= 48


def test_a_burst_after_a_quiet_night_counts_as_what_it_is():
    times = [NOW] * 10 + [NOW - timedelta(hours=8)] * 490
    assert gaps.observed_rate(times, NOW) >= 10


@given(st.integers(min_value=1, max_value=200), st.integers(min_value=1, max_value=600))
def test_keys_in_use_fit_into_the_share(keys, share):
    seconds = gaps.affordable_seconds(keys, share, 60)
    assert keys * 60 / seconds <= share


def test_fifty_idle_keys_take_less_than_the_share_of_the_usual_plan():
    assert 50 * 60 / gaps.interval_for(0, 60) < 60 * 20 / 100


def test_a_key_that_moved_is_due_as_soon_as_can_be_afforded():
    assert gaps.next_reading(NOW, 436, 60, moved=True) == NOW + timedelta(seconds=60)
    assert gaps.next_reading(NOW, 436, 60, moved=False) == NOW + timedelta(seconds=436)
    assert gaps.next_reading(NOW, 10, 60, moved=True) == NOW + timedelta(seconds=10)
