"""Round times, in every zone and on the days on which clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.time_axis import Step, round_times, tick_label, time_bins

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns",
        "Pacific/Kiritimati", "Pacific/Chatham", "America/Santiago", "Asia/Beirut",
    )
]  # fmt: skip
moments = st.integers(1_420_070_400, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
lengths = st.timedeltas(timedelta(minutes=10), timedelta(days=800))
zones = st.sampled_from(ZONES)


@given(moments, lengths, zones, st.integers(3, 31))
def test_there_are_never_more_ticks_than_asked_for_and_all_are_inside(begin, length, zone, most):
    end = begin + length
    _, found = round_times(begin, end, zone, most)
    assert len(found) <= most
    assert found == sorted(set(found))
    assert all(begin <= at <= end for at in found)


@given(moments, lengths, zones, st.sampled_from([4, 7, 31]))
def test_ticks_are_round_on_the_wall_clock(begin, length, zone, most):
    step, found = round_times(begin, begin + length, zone, most)
    for at in found:
        local = at.astimezone(zone)
        minutes = local.hour * 60 + local.minute
        assert local.second == local.microsecond == 0
        if step.unit == "minute":
            assert minutes % step.count == 0
        elif minutes:
            # Only where clocks skip midnight does a day begin later.
            assert (at - timedelta(minutes=1)).astimezone(zone).date() < local.date()
        if step.unit == "month":
            assert local.day == 1


@given(moments, lengths, zones)
def test_an_axis_of_a_wide_page_has_at_least_two_ticks(begin, length, zone):
    assert len(round_times(begin, begin + length, zone, 7)[1]) >= 2


@given(moments, lengths, zones, st.integers(2, 31))
def test_bins_cover_the_range_without_gap_or_overlap(begin, length, zone, most):
    bins = time_bins(begin, begin + length, zone, most)
    assert 1 <= len(bins) <= most
    assert (bins[0][0], bins[-1][1]) == (begin, begin + length)
    assert all(since < until for since, until in bins)
    assert all(one[1] == other[0] for one, other in pairwise(bins))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_days_are_as_long_as_the_clock_makes_them(day, hours):
    zone = ZoneInfo("Europe/Berlin")
    noon = datetime(*day, 12, tzinfo=zone).astimezone(UTC)
    _, found = round_times(noon - timedelta(days=2), noon + timedelta(days=2), zone, 5)
    spans = {at.astimezone(zone).date(): after - at for at, after in pairwise(found)}
    assert spans[noon.date()] == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("at", "step", "label"),
    [
        ("2026-11-28T16:20", Step(10, "minute"), "17:20"),
        ("2026-11-27T23:00", Step(60, "minute"), "28 Nov"),
        ("2026-11-27T23:00", Step(1, "day"), "28 Nov"),
        ("2026-10-31T23:00", Step(1, "month"), "Nov"),
        ("2026-12-31T23:00", Step(1, "month"), "2027"),
    ],
)
def test_a_label_says_what_is_new(at, step, label):
    assert tick_label(datetime.fromisoformat(at).replace(tzinfo=UTC), step, ZoneInfo("Europe/Berlin")) == label
