"""What rules about keys see in the mirror."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.engine.evaluation import observe
from alerts.engine.preview import episodes, preview
from alerts.engine.rule_kinds import kind_named
from tests.keys.conftest import log_request, make_key, note_poll

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(watch):
    """Two keys in use, both read just now."""
    note_poll(watch.workspace, "keys")
    return make_key(watch.workspace), make_key(watch.workspace, "Batch worker")


@pytest.fixture
def see(watch):
    """What a rule of a kind sees, by key."""

    def look(kind, **facts):
        rule = watch.rule(kind=kind, **facts)
        return {reading.label: reading for reading in observe(watch.workspace, [rule], timezone.now())[rule.pk]}

    return look


def ago(**span):
    return timezone.now() - timedelta(**span)


def test_an_ip_address_that_a_key_was_never_used_from_is_new(keys, see):
    for days in (2, 3, 5):
        log_request(keys[0], created_at=ago(days=days), ip_address="203.0.113.1")
    log_request(keys[0], ip_address="203.0.113.1")
    log_request(keys[0], ip_address="198.51.100.7")
    seen = see("key_new_source")
    assert seen["Production server"].value == 1
    assert "198.51.100.7" in seen["Production server"].headline
    assert seen["Batch worker"].value == 0


def test_another_version_of_a_known_program_is_not_new_and_another_program_is(keys, see):
    log_request(keys[0], created_at=ago(days=3), user_agent="python-requests/2.31.0")
    log_request(keys[0], user_agent="python-requests/2.32.0")
    assert see("key_new_source")["Production server"].value == 0
    log_request(keys[0], user_agent="curl/8.5.0")
    assert "curl/8.5.0" in see("key_new_source")["Production server"].headline


def test_a_keys_first_day_is_for_learning(keys, see):
    log_request(keys[0], created_at=ago(hours=20), ip_address="203.0.113.1")
    log_request(keys[0], ip_address="198.51.100.7")
    assert see("key_new_source")["Production server"].value == 0


def test_an_idle_key_that_wakes_says_after_how_long(keys, see):
    log_request(keys[0], created_at=ago(days=45))
    log_request(keys[0], created_at=ago(hours=1))
    reading = see("key_wakes")["Production server"]
    assert reading.value == 44
    assert "used again after 45 days" in reading.headline


@pytest.mark.parametrize(("count_before", "days"), [(0, 59), (1, 0), (None, 0)])
def test_a_first_use_is_a_waking_only_where_all_that_the_key_did_is_known(keys, see, count_before, days):
    # Upstream shows the latest 500 requests: those of a busy key may all be of today when it is first read.
    keys[0].count_before = count_before
    keys[0].save()
    log_request(keys[0], created_at=ago(hours=1))
    assert see("key_wakes")["Production server"].value == days


def test_a_rate_far_above_the_keys_own_pattern_counts_in_times_of_its_busy_hours(keys, see):
    for hours in range(2, 30):
        for _ in range(30):
            log_request(keys[0], created_at=ago(hours=hours))
    for _ in range(120):
        log_request(keys[0], created_at=ago(minutes=5))
    assert see("key_rate")["Production server"].value >= 2


def test_a_new_key_has_no_pattern_yet(keys, see):
    for _ in range(50):
        log_request(keys[0], created_at=ago(minutes=5))
    assert see("key_rate")["Production server"].value == 0


@pytest.mark.parametrize(
    ("busy", "count", "times", "words"),
    [
        (12, 62, "3.1", "62 requests in an hour, 3.1 times its busy hours (12 requests, counted as 20)"),
        (25, 80, "3.2", "80 requests in an hour, 3.2 times its busy hours (25 requests)"),
        (20, 60, "3", "60 requests in an hour, 3 times its busy hours (20 requests)"),
    ],
)
def test_how_many_times_its_busy_hours_is_arithmetic_that_can_be_checked(keys, see, busy, count, times, words):
    hour = ago(days=2).replace(minute=10)
    for number in range(busy):
        log_request(keys[0], created_at=hour + timedelta(seconds=number))
    for _ in range(count):
        log_request(keys[0], created_at=ago(minutes=5))
    seen = see("key_rate")["Production server"]
    assert (seen.value, seen.headline) == (Decimal(times), f"Production server: {words}")
    assert dict(map(tuple, seen.all_facts))["Busy hours so far"] in seen.headline


def test_errors_are_a_share_of_enough_requests(keys, see):
    for number in range(20):
        log_request(keys[0], status_code=500 if number < 5 else 200)
    for _ in range(3):
        log_request(keys[1], status_code=500)
    seen = see("key_errors", parameters={"least": 20})
    assert (seen["Production server"].value, seen["Batch worker"].value) == (Decimal(25), Decimal(0))


def test_a_key_that_expires_soon_fires_and_a_revoked_one_is_over(keys, watch):
    key = keys[0]
    key.expires_at = watch.now + timedelta(days=2, hours=15)
    key.save()
    watch.rule(kind="key_expires", threshold=7, recovery=7)
    watch.evaluate()
    assert watch.alerts.get().headline == "Production server: expires in 2 days"
    key.is_active = False
    key.save()
    watch.evaluate()
    assert watch.alerts.get().state == "resolved"


def test_each_key_is_an_alert_of_its_own(keys, watch):
    for key in keys:
        key.expires_at = timezone.now() + timedelta(days=3)
        key.save()
    watch.rule(kind="key_expires", threshold=7, recovery=7)
    watch.evaluate()
    assert watch.alerts.count() == 2


def test_keys_that_cannot_be_read_leave_the_rule_unknown(keys, watch):
    note_poll(watch.workspace, "keys", paused_reason="The pasted session token has expired.")
    rule = watch.rule(kind="key_expires", threshold=7, recovery=7)
    assert preview(watch.workspace, rule, timezone.now()).no_data == "The pasted session token has expired."


def test_history_says_when_errors_would_have_fired(keys, watch):
    for number in range(40):
        log_request(keys[0], created_at=ago(days=4), status_code=500 if number % 2 else 200)
    rule = watch.rule(kind="key_errors", threshold=20, recovery=10, parameters={"least": 20})
    assert len(preview(watch.workspace, rule, timezone.now()).fired_at) >= 1


@pytest.fixture
def would_have_fired(watch):
    def look(kind, **facts):
        return preview(watch.workspace, watch.rule(kind=kind, **facts), timezone.now()).fired_at

    return look


def test_history_says_when_a_key_was_used_from_somewhere_new(keys, would_have_fired):
    for days in (20, 10, 9):
        log_request(keys[0], created_at=ago(days=days), ip_address="203.0.113.1", user_agent="curl/8")
    log_request(keys[0], created_at=ago(days=5), ip_address="198.51.100.7", user_agent="curl/9")
    (at,) = would_have_fired("key_new_source", threshold=0, recovery=0)
    assert abs(at - ago(days=5)) < timedelta(minutes=1)


def test_history_says_when_an_idle_key_woke(keys, would_have_fired):
    log_request(keys[0], created_at=ago(days=60))
    for days in (20, 19, 3):
        log_request(keys[0], created_at=ago(days=days))
    (at,) = would_have_fired("key_wakes", threshold=30, recovery=0)
    assert abs(at - ago(days=20)) < timedelta(minutes=1)


@pytest.mark.parametrize(("count_before", "times"), [(0, 1), (1, 0), (None, 0)])
def test_history_knows_a_first_use_only_where_all_that_the_key_did_is_known(
    keys, would_have_fired, count_before, times
):
    keys[0].count_before = count_before
    keys[0].save()
    log_request(keys[0], created_at=ago(days=5))
    assert len(would_have_fired("key_wakes", threshold=30, recovery=0)) == times


def test_history_says_when_a_key_was_far_above_its_pattern(keys, would_have_fired):
    for hours in range(150, 200, 5):
        log_request(keys[0], created_at=ago(hours=hours))
    for _ in range(90):
        log_request(keys[0], created_at=ago(hours=100))
    (at,) = would_have_fired("key_rate", threshold=3, recovery=2)
    assert abs(at - ago(hours=100)) < timedelta(hours=2)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("key_rate", {"threshold": 3, "recovery": 2}),
        ("key_errors", {"threshold": 20, "recovery": 10, "parameters": {"least": 20}}),
    ],
)
def test_history_holds_what_the_present_hour_has_done_already(keys, watch, kind, facts):
    now = timezone.now().replace(minute=20)
    for hours in range(30, 60, 5):
        log_request(keys[0], created_at=now - timedelta(hours=hours))
    for _ in range(90):
        log_request(keys[0], created_at=now - timedelta(minutes=5), status_code=500)
    rule = watch.rule(kind=kind, **facts)
    assert preview(watch.workspace, rule, now).fired_at == [now]
    moments = kind_named(kind).history(watch.workspace, rule, now - timedelta(days=30), now)
    [episode] = episodes(rule, moments, now)
    assert episode.end is None


def test_what_fires_now_is_not_over_in_its_history(keys, watch):
    now = timezone.now()
    log_request(keys[0], created_at=ago(days=60))
    log_request(keys[0], created_at=ago(hours=1))
    rule = watch.rule(kind="key_wakes", threshold=30, recovery=0)
    moments = list(kind_named("key_wakes").history(watch.workspace, rule, now - timedelta(days=90), now))
    assert moments[-1].at > now  # when it will be over
    [episode] = episodes(rule, moments, now)
    assert episode.end is None


@pytest.mark.parametrize("kind", ["key_new_source", "key_wakes", "key_rate", "key_errors", "key_expires"])
def test_more_keys_and_rules_take_no_more_queries(kind, keys, watch):
    def count(rules):
        with CaptureQueriesContext(connection) as queries:
            observe(watch.workspace, rules, timezone.now())
        return len(queries)

    for key in keys:
        log_request(key, created_at=ago(days=3))
        log_request(key, user_agent="curl/8")
    rules = [watch.rule(kind=kind)]
    few = count(rules)
    for number in range(8):
        key = make_key(watch.workspace, f"Key {number}")
        log_request(key, created_at=ago(days=3))
        log_request(key, user_agent="curl/8")
    assert count([*rules, watch.rule(kind=kind)]) == few
