"""When calendar months and weeks begin and end, in any time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from usage.budgets.periods import period_at

TABLE = {
    # length, zone, moment: when it begins and ends in UTC, and its name
    "a month in UTC": ("month", "UTC", "2026-11-28T23:46", "2026-11-01T00:00", "2026-12-01T00:00", "November 2026"),
    "the last moment of it": ("month", "UTC", "2026-11-30T23:59", "2026-11-01T00:00", "2026-12-01T00:00", None),
    "the first of the next": ("month", "UTC", "2026-12-01T00:00", "2026-12-01T00:00", "2027-01-01T00:00", None),
    "February": ("month", "UTC", "2026-02-11T12:00", "2026-02-01T00:00", "2026-03-01T00:00", "February 2026"),
    "February of a leap year": ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00", None),
    "31 January": ("month", "UTC", "2027-01-31T12:00", "2027-01-01T00:00", "2027-02-01T00:00", None),
    "another month there already": (
        "month", "Europe/Vienna", "2026-11-30T23:30", "2026-11-30T23:00", "2026-12-31T23:00", "December 2026",
    ),
    "clocks go back within the month": (
        "month", "Europe/Vienna", "2026-10-10T00:00", "2026-09-30T22:00", "2026-10-31T23:00", "October 2026",
    ),
    "clocks go forward within the month": (
        "month", "America/New_York", "2026-03-20T00:00", "2026-03-01T05:00", "2026-04-01T04:00", "March 2026",
    ),
    "half an hour off": (
        "month", "Asia/Kolkata", "2026-10-31T18:30", "2026-10-31T18:30", "2026-11-30T18:30", "November 2026",
    ),
    "midnight of the first comes twice": (
        "month", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-12-01T05:00", "November 2026",
    ),
    "midnight is skipped": (
        "week", "Africa/Cairo", "2026-04-24T10:00", "2026-04-19T22:00", "2026-04-26T21:00", "the week of 20 Apr 2026",
    ),
    "a week from Monday": ("week", "UTC", "2026-11-29T12:00", "2026-11-23T00:00", "2026-11-30T00:00", None),
    "Monday itself": ("week", "UTC", "2026-11-30T00:00", "2026-11-30T00:00", "2026-12-07T00:00", None),
    "a week over the end of the year": (
        "week", "UTC", "2027-01-01T09:00", "2026-12-28T00:00", "2027-01-04T00:00", "the week of 28 Dec 2026",
    ),
    "a week in which clocks go back": (
        "week", "Europe/Vienna", "2026-10-24T12:00", "2026-10-18T22:00", "2026-10-25T23:00", "the week of 19 Oct 2026",
    ),
    "Monday there already": (
        "week", "Pacific/Auckland", "2026-11-29T12:00", "2026-11-29T11:00", "2026-12-06T11:00",
        "the week of 30 Nov 2026",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("length", "zone", "moment", "start", "end", "name"), TABLE.values(), ids=TABLE)
def test_a_period_begins_and_ends_at_midnight_of_its_zone(length, zone, moment, start, end, name):
    found = period_at(length, ZoneInfo(zone), datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert (f"{found.start:%Y-%m-%dT%H:%M}", f"{found.end:%Y-%m-%dT%H:%M}") == (start, end)
    assert found.name == (name or found.name)


@pytest.mark.parametrize("length", ["month", "week"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "America/Havana", "Africa/Cairo", "Asia/Kathmandu"])
def test_periods_follow_each_other_without_a_gap(length, zone):
    period = period_at(length, ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC))
    while period.start.year < 2028:
        for inside in (period.start, period.start + timedelta(hours=1), period.end - timedelta(microseconds=1)):
            assert period_at(length, ZoneInfo(zone), inside) == period
        following = period_at(length, ZoneInfo(zone), period.end)
        assert following.start == period.end
        period = following
