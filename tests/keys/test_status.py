from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.engine.rule_kinds import kind_named
from alerts.models import Rule
from keys.models import ApiKey
from keys.models.key import status_conditions
from keys.status import key_status

from .conftest import make_key, note_poll

DAYS = timedelta(days=1)
# PostgreSQL's clock is asked what time it is.
pytestmark = pytest.mark.django_db


def key(**facts):
    now = timezone.now()
    known = {"in_full": True, "created_at": now - 90 * DAYS, "last_used_at": now, "read_at": now, **facts}
    return ApiKey(name="Batch worker", prefix="clapi_AbCd", last4="wXyZ", **known)


def ago(days):
    return timezone.now() - days * DAYS


@pytest.mark.parametrize(
    ("days_ago", "facts", "words", "reason"),
    [
        ({}, {}, "Active", ""),
        ({}, {"last_used_at": None}, "Never used", "Active since"),
        ({"last_used_at": 40}, {}, "Idle for 40 days", "last used on"),
        ({"expires_at": -3}, {}, "Expires in 3 days", ""),
        ({"expires_at": -3}, {"last_used_at": None}, "Expires in 3 days", "never used"),
        ({"expires_at": 3}, {}, "Expired on", ""),
        ({"revoked_at": 1}, {"is_active": False}, "Revoked", "Outside this console"),
        ({}, {"is_active": False}, "Revoked", "Before the first sync"),
        ({"gone_at": 1}, {"is_active": False}, "Removed from Cleanlist", "since"),
        ({}, {"in_full": False, "last_used_at": None}, "Active", "light list"),
    ],
)
@pytest.mark.parametrize("time", ["00:00:00", "12:00:00", "23:59:59"])
def test_a_status_says_its_reason(time_machine, time, days_ago, facts, words, reason):
    time_machine.move_to(f"2026-03-28T{time}Z", tick=False)
    status = key_status(key(**facts, **{name: ago(days) for name, days in days_ago.items()}))
    assert status.text.startswith(words)
    assert reason in status.reason


def test_a_key_that_expires_within_a_day_is_urgent():
    assert key_status(key(expires_at=timezone.now() + timedelta(hours=2))).level == "danger"


def test_whoever_revoked_it_is_named(operator):
    revoked = key(is_active=False, revoked_at=ago(0), revoked_by=operator)
    assert "By operator@example.test, " in key_status(revoked).reason


def test_each_key_is_in_exactly_one_of_the_statuses_that_exclude_each_other(workspace):
    for active in (True, False):
        for expires_at in (None, ago(2), ago(-2), ago(-200)):
            for revoked_at in (None, ago(1)):
                for gone_at in (None, ago(1)):
                    facts = {"is_active": active and not gone_at, "expires_at": expires_at}
                    make_key(workspace, revoked_at=revoked_at, gone_at=gone_at, **facts)
    keys = ApiKey.objects.of(workspace)
    counts = keys.count_by_status()
    apart = ("active", "expired", "revoked", "gone")
    assert sum(counts[name] for name in apart) == counts["all"] == keys.count()
    assert set(counts) == {"all", *status_conditions(timezone.now())}


@pytest.mark.parametrize("status", ["active", "expiring", "unused", "idle", "expired", "revoked", "gone"])
def test_the_filter_and_the_words_agree(workspace, status):
    words = {
        "active": {"last_used_at": ago(0)},
        "expiring": {"expires_at": ago(-2)},
        "unused": {"last_used_at": None},
        "idle": {"last_used_at": ago(31)},
        "expired": {"expires_at": ago(1)},
        "revoked": {"is_active": False, "revoked_at": ago(1)},
        "gone": {"gone_at": ago(1), "is_active": False},
    }
    for facts in words.values():
        make_key(workspace, **facts)
    beginnings = {"active": "", "unused": "Never", "gone": "Removed"}
    found = ApiKey.objects.of(workspace).in_status(status)
    assert found
    begins = beginnings.get(status, status[:5].capitalize())
    assert all(key_status(each).text.startswith(begins) for each in found)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ({"days": 2, "hours": 23}, "Expires in 2 days"),
        ({"days": 2}, "Expires in 2 days"),
        ({"hours": 47}, "Expires in 47 hours"),
        ({"minutes": 90}, "Expires in 90 minutes"),
    ],
)
def test_the_list_and_the_alert_round_the_time_left_down_alike(workspace, time_machine, left, words):
    time_machine.move_to("2026-03-28T12:00:00Z", tick=False)
    note_poll(workspace)
    expiring = make_key(workspace, "Contractor access", expires_at=timezone.now() + timedelta(**left))
    rule = Rule(workspace=workspace, kind="key_expires", threshold=7, recovery=7)
    [observation] = kind_named("key_expires").read([rule], timezone.now())[rule.pk]
    assert key_status(expiring, timezone.now()).text == words
    assert observation.headline == f"Contractor access: {words.lower()}"
