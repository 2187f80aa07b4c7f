"""Places in a long table, as they stand in addresses."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist.parsing.timestamps import EARLIEST, LATEST
from core.pagination import Cursor

MOMENTS = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC))


@given(MOMENTS, st.integers(0, 10**18 - 1))
def test_every_place_is_found_again_to_the_microsecond(moment, pk):
    place = Cursor(moment, pk)
    assert Cursor.parse(str(place)) == place


@pytest.mark.parametrize("year", [1, 1969, 2242, 2300, 9999])
def test_places_far_from_today_are_found_again(year):
    place = Cursor(datetime(year, 6, 1, 12, 0, 0, 999_999, tzinfo=UTC), 7)
    assert Cursor.parse(str(place)) == place


@pytest.mark.parametrize(
    "text", ["", "1", "-1", "1-", "--1-2", "1--2", "9" * 18 + "-1", "-" + "9" * 18 + "-1", "1-2-3", "\u0661-2"]
)
def test_what_is_no_place_is_none(text):
    assert Cursor.parse(text) is None


@pytest.mark.parametrize("moment", [EARLIEST - timedelta(microseconds=1), LATEST + timedelta(microseconds=1)])
def test_a_place_in_a_day_that_not_every_time_zone_can_name_is_none(moment):
    assert Cursor.parse(str(Cursor(moment, 1))) is None
