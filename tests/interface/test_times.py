import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core import formatting

from .conftest import NOW


@pytest.mark.parametrize(
    ("seconds_ago", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3 * 60, "3 minutes ago"),
        (3600, "1 hour ago"),
        (47 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
        (40 * 86400, "40 days ago"),
        (90 * 86400, "3 months ago"),
        (800 * 86400, "2 years ago"),
        (-30, "in a moment"),
        (-3 * 86400, "in 3 days"),
    ],
)
def test_a_time_is_told_in_relative_words(seconds_ago, words):
    assert formatting.format_distance(NOW - dt.timedelta(seconds=seconds_ago), NOW) == words


@pytest.mark.parametrize("seconds", [60, 5400, 47.9 * 3600, 5.6 * 86400, 75 * 86400])
def test_time_that_is_left_is_rounded_like_the_distance(seconds):
    then = NOW + dt.timedelta(seconds=seconds)
    assert formatting.format_distance(then, NOW) == f"in {formatting.format_time_left(then, NOW)}"
    assert formatting.format_time_left(NOW, NOW) == "less than a minute"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (40, "40 s"), (840, "14 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_span_is_told_briefly(seconds, words):
    assert formatting.format_short(seconds) == words


def test_the_exact_utc_and_the_viewers_time_are_on_hover(render, now):
    with timezone.override(ZoneInfo("Europe/Vienna")):
        html = render("{% time value %}", value=now - dt.timedelta(minutes=3))
    assert 'title="6 Apr 2026, 17:39:11 CEST\n2026-04-06 15:39:11 UTC"' in html
    assert 'datetime="2026-04-06T15:39:11Z"' in html
    assert ">3 minutes ago<" in html


def test_an_instant_is_shown_in_the_viewers_zone(render, now):
    with timezone.override(ZoneInfo("America/New_York")):
        assert ">6 Apr 2026, 11:42<" in render("{% instant value %}", value=now)
        assert ">6 Apr 2026, 11:42:11<" in render("{% instant value seconds=True %}", value=now)


def test_a_time_that_never_was_says_so(render):
    assert ">never<" in render("{% time None %}")
    assert ">never used<" in render('{% time None empty="never used" %}')


def test_the_script_counts_with_the_same_steps_as_the_server():
    script = (Path(__file__).parents[2] / "static" / "js" / "time.js").read_text()
    found = re.findall(r"\[([\w* ]+), ([\w* ]+), \"(\w+)\"\]", script)
    names = {"DAY": 86400, "HOUR": 3600, "MINUTE": 60}

    def seconds(product):
        first, _, second = product.partition(" * ")
        return int(first) * names[second] if second else names[first]

    assert tuple((seconds(least), seconds(unit), name) for least, unit, name in found) == formatting.DISTANCES


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 requests"),
        (1, "1 request"),
        (1547, "1,547 requests"),
        (Decimal("1.0000"), "1 request"),
        (Decimal("12.5000"), "12.5 requests"),
        (Decimal(100), "100 requests"),
        (Decimal("0.5"), "0.5 requests"),
    ],
)
def test_a_number_is_told_with_what_it_counts(number, words):
    assert formatting.counted(number, "request") == words


def test_a_plural_may_have_another_end():
    assert formatting.counted(1, "key was", "keys were") == "1 key was"
    assert formatting.counted(2, "key was", "keys were") == "2 keys were"
