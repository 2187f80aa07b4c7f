"""Quiet hours and summaries where the calendar is odd: clocks that are changed, and the turn of the year."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts.models import QuietHours
from alerts.models.recipient import latest_morning

BERLIN = "Europe/Berlin"
NIGHT, DAWN = ("22:00", "07:00"), ("02:15", "02:45")


def utc(text):
    return datetime.fromisoformat(f"{text}Z")


@pytest.mark.parametrize(
    ("hours", "now", "over"),
    [
        (NIGHT, "2026-03-28T23:00", "2026-03-29T05:00"),  # summer time begins within the night
        (NIGHT, "2026-10-24T22:00", "2026-10-25T06:00"),  # it ends
        (NIGHT, "2026-12-31T22:30", "2027-01-01T06:00"),
        (NIGHT, "2027-01-01T05:59", "2027-01-01T06:00"),
        (NIGHT, "2027-01-01T06:00", None),
        (DAWN, "2026-10-25T00:30", "2026-10-25T00:45"),  # an hour that comes twice
        (DAWN, "2026-10-25T01:30", "2026-10-25T01:45"),
        (DAWN, "2026-03-29T00:30", None),  # and one that does not come
        (DAWN, "2026-03-29T01:30", None),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(hours, now, over):
    quiet = QuietHours(begin=time.fromisoformat(hours[0]), end=time.fromisoformat(hours[1]), time_zone=BERLIN)
    found = quiet.over_at(utc(now))
    assert (found and found.astimezone(ZoneInfo("UTC"))) == (over and utc(over))


@pytest.mark.parametrize(
    ("now", "daily", "weekly"),
    [
        ("2026-03-29T05:59", "2026-03-28T07:00", "2026-03-23T07:00"),  # the first morning of summer time
        ("2026-03-29T06:00", "2026-03-29T06:00", "2026-03-23T07:00"),
        ("2026-03-30T06:00", "2026-03-30T06:00", "2026-03-30T06:00"),
        ("2026-10-26T07:00", "2026-10-26T07:00", "2026-10-26T07:00"),
        ("2027-01-01T06:59", "2026-12-31T07:00", "2026-12-28T07:00"),
        ("2027-01-01T07:00", "2027-01-01T07:00", "2026-12-28T07:00"),
    ],
)
def test_summaries_are_due_at_eight_by_the_clock_on_the_wall(now, daily, weekly):
    zone = ZoneInfo(BERLIN)
    found = [
        latest_morning(utc(now), zone, weekly=is_weekly).astimezone(ZoneInfo("UTC")) for is_weekly in (False, True)
    ]
    assert found == [utc(daily), utc(weekly)]
