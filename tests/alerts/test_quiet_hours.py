"""Quiet hours end in one e-mail that says how things are then."""

from datetime import time, timedelta

import pytest

from alerts.models import Notification, QuietHours
from alerts.services import alert_actions, quiet_hours, recipients, rules
from workspaces.audit.events import CONSOLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(watch):
    """A workspace at one in the morning, with quiet hours until seven."""
    QuietHours.objects.create(workspace=watch.workspace, begin="22:00", end="07:00", time_zone="UTC")
    watch.clock.move_to((watch.now + timedelta(days=1)).replace(hour=1, minute=0))
    watch.rule(name="Low", threshold=1000, recovery=1100, repeat_seconds=3600)
    watch.balance(5000)
    return watch


def morning(watch, send):
    watch.clock.move_to(watch.now.replace(hour=7, minute=1))
    assert quiet_hours.release_due(watch.now - timedelta(minutes=2)) == 0
    made = quiet_hours.release_due()
    assert quiet_hours.release_due() == 0
    send()
    return made


def text(message):
    return message.get_body(("plain",)).get_content()


def test_reminders_of_a_night_are_one_email_that_says_how_things_are_in_the_morning(night, mailbox, send):
    for amount in (900, 890, 880, 870):
        night.balance(amount, after=timedelta(hours=1))
    send()
    assert mailbox.messages == []
    assert morning(night, send) == 1
    assert mailbox.subjects == ["Example Works: 870 credits left"]


def test_several_alerts_of_a_night_are_one_digest(night, mailbox, send):
    night.rule(kind="spent_above", name="Spent", severity="information", threshold=100, recovery=50)
    night.balance(900)
    assert morning(night, send) == 1
    assert mailbox.subjects == ["Example Works: 2 firing after quiet hours"]
    body = text(mailbox.messages[0])
    assert "WARNING: 900 credits left" in body
    assert "4,100 credits spent" in body
    assert {row.state for row in night.outbox if row.kind != "digest"} == {"in_digest"}


def test_the_end_of_an_alert_in_a_digest_comes_in_its_thread(night, mailbox, send):
    night.rule(kind="spent_above", name="Spent", severity="information", threshold=100, recovery=50)
    night.balance(900)
    morning(night, send)
    night.balance(9000)
    send()
    assert mailbox.subjects[1:] == ["Resolved: Example Works: 9,000 credits left"]
    assert mailbox.messages[1]["In-Reply-To"] == mailbox.messages[0]["Message-ID"]


def test_an_alert_sent_before_the_night_that_ended_in_it_is_sent_as_over(night, mailbox, send):
    night.clock.move_to(night.now.replace(hour=12))
    night.balance(900)
    send()
    night.clock.move_to((night.now + timedelta(days=1)).replace(hour=2))
    night.balance(890)
    night.balance(5000)
    morning(night, send)
    assert mailbox.subjects == ["Example Works: 900 credits left", "Resolved: Example Works: 5,000 credits left"]


def test_alerts_of_a_rule_that_is_removed_at_night_are_not_sent(night, mailbox, send):
    night.balance(900)
    rules.remove_rule(night.alerts.get().rule, CONSOLE)
    assert morning(night, send) == 0
    assert mailbox.messages == []


@pytest.mark.parametrize("care", ["acknowledge", "snooze"])
def test_a_reminder_of_what_somebody_took_care_of_at_night_is_not_sent(night, mailbox, send, care):
    night.clock.move_to(night.now.replace(hour=12))
    night.balance(900)
    send()
    night.clock.move_to((night.now + timedelta(days=1)).replace(hour=2))
    night.balance(890)
    alert = night.alerts.get()
    if care == "acknowledge":
        alert_actions.acknowledge(alert, CONSOLE)
    else:
        alert_actions.snooze(alert, CONSOLE, until=night.now + timedelta(days=1), level=None)
    assert morning(night, send) == 0
    assert mailbox.subjects == ["Example Works: 900 credits left"]


def test_quiet_hours_that_are_taken_away_hold_nothing_back_any_more(night, mailbox, send):
    night.balance(900)
    recipients.set_quiet_hours(night.workspace, CONSOLE, None)
    assert quiet_hours.release_due() == 1
    assert Notification.objects.get().state == "queued"


@pytest.mark.parametrize("hours", [None, QuietHours(begin=time(1), end=time(2))], ids=["none", "others"])
def test_quiet_hours_are_not_changed_without_their_audit_event(workspace, monkeypatch, hours):
    QuietHours.objects.create(workspace=workspace, begin=time(22), end=time(7))
    monkeypatch.setattr(recipients, "record_event", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        recipients.set_quiet_hours(workspace, CONSOLE, hours)
    assert str(QuietHours.objects.get()) == "22:00 to 07:00"
