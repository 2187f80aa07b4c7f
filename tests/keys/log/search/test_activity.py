from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from keys.log.activity import key_activity
from tests.fixtures import count_into_rollups
from tests.keys.conftest import make_key, text_of


@pytest.fixture
def use(log):
    """Land requests of a key as the capture does: rows and rollup."""
    log.key.captured_since = timezone.now() - timedelta(days=9)
    log.key.save()

    def use(count, key=None, *, ago=timedelta(minutes=5), **facts):
        key = key or log.key
        count_into_rollups(key, [log.add(key=key, created_at=timezone.now() - ago, **facts) for _ in range(count)])

    return use


@pytest.fixture
def badges(log):
    def badges():
        activity = key_activity(log.workspace, [log.key], timezone.now())[log.key.pk]
        return {badge.text: badge for badge in activity.badges}

    return badges


def key_list(log):
    return log.http.get(reverse("keys:list", args=[log.workspace.slug]))


def test_the_list_draws_the_last_36_hours_of_each_key(log, use):
    use(3)
    use(2, ago=timedelta(hours=30))
    use(7, ago=timedelta(hours=40))
    (row,) = key_list(log).context["active"]
    assert len(row.activity.hours) == 36
    assert sum(row.activity.hours) == 5
    assert "Requests by hour, last 36 hours: 36 values between 0 and 3" in text_of(key_list(log))


def test_a_key_whose_log_was_never_read_has_no_drawing(log):
    assert "not synced" in text_of(key_list(log))


def test_more_than_a_tenth_rejected_is_said_with_figures_and_the_way_to_them(log, use, badges):
    use(18)
    use(2, status_code=403)
    assert not badges()
    use(1, status_code=401)
    badge = badges()["14% rejected"]
    assert badge.reason == "3 of 21 requests of the last 24 hours were rejected"
    assert len(log.shown("?" + badge.url.partition("?")[2], url=log.key_url)) == 3


def test_rate_limited_requests_are_told_from_rejected_ones(use, badges):
    use(15)
    use(5, status_code=429)
    assert list(badges()) == ["25% rate limited"]


def test_a_handful_of_requests_is_no_rate(use, badges):
    use(9, status_code=401)
    assert not badges()


def test_a_new_address_is_noticed_where_the_log_reaches_back(log, use, badges):
    use(1, ago=timedelta(days=2), ip_address="203.0.113.1")
    use(1, ip_address="203.0.113.1")
    assert not badges()
    use(1, ip_address="203.0.113.2")
    assert badges()["New IP address"].reason == "Used from 203.0.113.2 for the first time"
    log.key.captured_since = timezone.now() - timedelta(hours=1)
    assert not badges()


def test_a_key_that_ends_within_a_day_asks_for_its_successor(log, use, badges):
    log.key.expires_at = timezone.now() + timedelta(hours=20)
    assert badges()["Ends within a day"].url.endswith("/keys/new/")


def test_ten_and_twenty_keys_cost_the_same_number_of_queries(log, use):
    counts = []
    for _ in range(2):
        for number in range(10):
            use(12, make_key(log.workspace, captured_since=log.key.captured_since), ip_address=f"203.0.113.{number}")
        with CaptureQueriesContext(connection) as queries:
            key_list(log)
        counts.append(len(queries))
    assert counts[0] == counts[1]
