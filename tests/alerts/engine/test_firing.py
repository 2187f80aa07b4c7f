from datetime import timedelta
from decimal import Decimal

import pytest

from alerts.engine import rule_kinds
from alerts.models import Alert

pytestmark = pytest.mark.django_db


def test_a_balance_below_the_threshold_fires_once_and_writes_to_the_owner(watch, mailbox, send, owner):
    watch.rule()
    watch.balance(900)
    watch.balance(412)
    send()
    assert [alert.state for alert in watch.alerts] == ["firing"]
    assert mailbox.subjects == ["Example Works: 412 credits left"]
    assert mailbox.messages[0].envelope_to == [owner.email]


def test_hovering_around_the_threshold_fifty_times_sends_one_email(watch, mailbox, send):
    watch.rule()
    for _ in range(50):
        watch.balance(499)
        watch.balance(501)
    send()
    assert len(mailbox.messages) == 1


def test_a_top_up_sends_one_resolved_email_in_the_same_thread(watch, mailbox, send):
    watch.rule()
    watch.balance(412)
    send()
    watch.balance(12_000, after=timedelta(hours=3))
    send()
    fired, resolved = mailbox.messages
    assert resolved["Subject"] == "Resolved: Example Works: 12,000 credits left"
    assert resolved["In-Reply-To"] == fired["Message-ID"]
    assert fired["Message-ID"] in resolved["References"]
    assert "RESOLVED after 3 hours" in resolved.get_body(("plain",)).get_content()


def test_it_is_armed_again_at_once(watch, mailbox, send):
    watch.rule()
    for amount in (412, 900, 411):
        watch.balance(amount)
        send()
    assert [subject.partition(":")[0] for subject in mailbox.subjects] == ["Example Works", "Resolved", "Example Works"]


def test_a_fall_through_all_levels_at_once_is_one_email_about_the_worst(watch, mailbox, send):
    watch.rule(name="Mild", severity="information", threshold=2000, recovery=2200)
    watch.rule(name="Low", severity="warning", threshold=1000, recovery=1100)
    watch.rule(name="Almost gone", severity="critical", threshold=100, recovery=110)
    watch.balance(5000)
    watch.balance(50)
    send()
    assert watch.alerts.count() == 3
    assert len(mailbox.messages) == 1
    assert "Almost gone" in mailbox.messages[0].get_body(("plain",)).get_content()


def test_levels_that_fire_one_by_one_share_a_thread_and_end_with_one_email(watch, mailbox, send):
    watch.rule(name="Low", severity="warning", threshold=1000, recovery=1100)
    watch.rule(name="Almost gone", severity="critical", threshold=100, recovery=110)
    for amount in (900, 50, 5000):
        watch.balance(amount)
        send()
    first, second, resolved = mailbox.messages
    assert second["In-Reply-To"] == first["Message-ID"]
    assert resolved["In-Reply-To"] == second["Message-ID"]
    assert watch.alerts.filter(state="resolved").count() == 2


def test_a_recipient_of_the_milder_level_only_is_notified_by_it(watch, mailbox, send, owner):
    watch.rule(severity="warning", to_owners=False, addresses=["finance@example.test"], threshold=1000, recovery=1000)
    watch.rule(severity="critical", threshold=100, recovery=100)
    watch.balance(50)
    send()
    assert {tuple(message.envelope_to) for message in mailbox.messages} == {("finance@example.test",), (owner.email,)}


def test_a_pending_time_keeps_a_dip_quiet(watch):
    watch.rule(pending_seconds=600)
    watch.balance(412)
    assert watch.alerts.get().state == "pending"
    watch.balance(600)
    assert not Alert.objects.exists()
    assert watch.outbox == []


def test_what_lasts_longer_than_the_pending_time_fires(watch):
    watch.rule(pending_seconds=600)
    watch.balance(412)
    watch.balance(411, after=timedelta(minutes=11))
    assert watch.alerts.get().state == "firing"


def test_a_firing_alert_becomes_unknown_while_nothing_can_be_read_and_goes_on_afterwards(watch):
    watch.rule()
    watch.balance(412)
    watch.unreadable()
    assert watch.alerts.get().state == "unknown"
    watch.balance(400)
    assert watch.alerts.get().state == "firing"
    assert len(watch.outbox) == 1
    assert "Cleanlist is down" in watch.alerts.get().transitions.filter(after="unknown").get().text


def test_what_recovers_while_unknown_is_resolved(watch):
    watch.rule()
    watch.balance(412)
    watch.unreadable()
    watch.balance(4000)
    assert watch.alerts.get().state == "resolved"


def test_a_balance_that_cannot_be_read_is_an_alert_of_its_own(watch, mailbox, send):
    watch.rule(kind="balance_unreadable", name="Unreadable", threshold=15, recovery=0)
    watch.balance(1000)
    watch.unreadable(after=timedelta(minutes=20))
    send()
    assert "balance unreadable for" in mailbox.subjects[0]
    watch.balance(990)
    send()
    assert mailbox.subjects[1].startswith("Resolved: Example Works: balance can be read")


def test_per_cent_are_of_the_last_top_ups_peak(watch):
    watch.rule(threshold=10, recovery=11, parameters={"unit": "percent"})
    for amount in (200, 10_000, 1_001):
        watch.balance(amount)
    assert not watch.alerts.exists()
    watch.balance(999)
    alert = watch.alerts.get()
    assert (alert.value, alert.threshold) == (Decimal(999), Decimal(1000))


def test_reminders_come_on_the_interval_until_somebody_acknowledges(watch, mailbox, send):
    watch.rule(repeat_seconds=3600)
    watch.balance(412)
    watch.balance(411, after=timedelta(minutes=30))
    watch.balance(410, after=timedelta(minutes=31))
    send()
    assert mailbox.subjects[1:] == ["Still: Example Works: 410 credits left"]
    watch.alerts.update(acknowledged_at=watch.now)
    watch.balance(409, after=timedelta(hours=5))
    assert len(watch.outbox) == 2


def test_spending_more_than_the_limit_fires(watch):
    watch.rule(kind="spent_above", threshold=300, recovery=200, parameters={"hours": 1})
    watch.balance(5000)
    watch.balance(4800)
    watch.balance(4600)
    assert watch.alerts.get().headline == "400 credits spent in 1 hour"


def test_one_kind_that_fails_does_not_silence_the_others(watch, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a defect")

    kind = rule_kinds._kinds["spent_above"]
    monkeypatch.setitem(rule_kinds._kinds, "spent_above", type(kind)(**{**kind.__dict__, "read": broken}))
    watch.rule(kind="spent_above", threshold=300, recovery=200)
    watch.rule()
    watch.balance(412)
    assert watch.alerts.get().kind == "balance_below"


def test_an_estimate_of_what_was_spent_is_shown_with_its_range(watch):
    watch.rule(threshold=900, recovery=990)
    for amount in (3000, 250, 2750, 800):
        watch.balance(amount)
    told = dict(watch.alerts.get(fired_at__isnull=False, resolved_at=None).facts)
    assert "(estimate; " in told["Spent in the last hour"]
