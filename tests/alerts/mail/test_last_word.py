"""Whoever reads the last message in a thread knows the state."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alerts.engine import rule_kinds
from alerts.engine.rule_kinds import Observation
from alerts.models import Rule, Snooze
from alerts.services import alert_actions
from alerts.services import rules as rule_services
from workspaces.audit.events import CONSOLE, Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def levels(watch):
    """A warning below 1,000 and a critical level below 500, with the latter told at 400."""
    watch.rule(name="Low", threshold=1000, recovery=1100)
    watch.rule(name="Almost gone", severity="critical", threshold=500, recovery=550)
    watch.balance(10_000)
    watch.balance(400)
    return watch


def text(message):
    return message.get_body(("plain",)).get_content()


def test_what_still_fires_is_named_when_a_worse_level_is_over(levels, mailbox, send):
    send()
    levels.balance(700)
    send()
    assert mailbox.subjects[1] == "Better, not resolved: Example Works: 700 credits left"
    assert mailbox.messages[1]["In-Reply-To"] == mailbox.messages[0]["Message-ID"]
    assert "Resolved: Almost gone" in text(mailbox.messages[1])
    assert "Still firing: Low (warning): the balance is below 1,000 credits" in text(mailbox.messages[1])
    assert "RESOLVED" not in text(mailbox.messages[1])


def test_recipients_who_learned_that_a_milder_level_goes_on_get_its_end(levels, mailbox, send):
    for amount in (700, 5000):
        levels.balance(amount)
        send()
    assert [subject.partition(":")[0] for subject in mailbox.subjects] == [
        "Example Works",
        "Better, not resolved",
        "Resolved",
    ]
    assert mailbox.messages[2]["In-Reply-To"] == mailbox.messages[1]["Message-ID"]


def test_a_level_that_is_over_with_all_others_names_none(levels, mailbox, send):
    send()
    levels.balance(5000)
    send()
    assert mailbox.subjects[1:] == ["Resolved: Example Works: 5,000 credits left"]
    assert "Still firing" not in text(mailbox.messages[1])


def test_a_level_of_another_subject_that_fires_is_not_named(levels, mailbox, send):
    levels.rule(kind="spent_above", name="Spent", severity="information", threshold=10, recovery=10)
    levels.balance(399)
    levels.balance(5000)
    send()
    assert [row.kind for row in levels.outbox if row.alert.kind == "balance_below"] == ["firing", "resolved"]


@pytest.fixture
def credits_and_days(watch, monkeypatch):
    """A critical level below 500 credits, told at 400, and a warning below seven days, told after it."""
    days = {"left": Decimal(3)}

    def read(rules, now):
        left = days["left"]
        return {rule.pk: [Observation(left, f"credits last about {left:f} days")] for rule in rules}

    monkeypatch.setitem(rule_kinds._kinds, "runway_below", replace(rule_kinds.kind_named("runway_below"), read=read))
    watch.rule(name="Almost gone", severity="critical", threshold=500, recovery=550)
    watch.balance(10_000)
    watch.balance(400)
    watch.rule(kind="runway_below", name="Less than a week", severity="warning", threshold=7, recovery=8)
    watch.balance(400)
    watch.days = days
    return watch


def test_credits_and_runway_share_a_thread(credits_and_days, mailbox, send):
    send()
    assert mailbox.subjects == ["Example Works: 400 credits left", "Example Works: credits last about 3 days"]
    assert mailbox.messages[1]["In-Reply-To"] == mailbox.messages[0]["Message-ID"]


def test_the_end_of_a_low_balance_names_the_runway_that_is_still_short(credits_and_days, mailbox, send):
    credits_and_days.balance(700)
    send()
    assert mailbox.subjects[2:] == ["Better, not resolved: Example Works: 700 credits left"]
    assert "Still firing: Less than a week (warning)" in text(mailbox.messages[2])

    credits_and_days.days["left"] = Decimal(30)
    credits_and_days.balance(5000)
    send()
    assert mailbox.subjects[3:] == ["Resolved: Example Works: credits last about 30 days"]
    assert mailbox.messages[3]["In-Reply-To"] == mailbox.messages[2]["Message-ID"]


def test_credits_and_runway_that_are_over_together_are_one_message(credits_and_days, mailbox, send):
    send()
    credits_and_days.days["left"] = Decimal(30)
    credits_and_days.balance(5000)
    send()
    assert mailbox.subjects[2:] == ["Resolved: Example Works: 5,000 credits left"]
    assert "Also resolved: Less than a week" in text(mailbox.messages[2])


def test_a_low_balance_is_sent_although_a_short_runway_was(watch, credits_and_days, mailbox, send):
    """No kind of the thread covers another: each tells something that the other does not."""
    Rule.objects.update(severity="critical")
    watch.rule(name="Getting low", severity="information", threshold=5000, recovery=5500)
    credits_and_days.balance(6000)
    credits_and_days.balance(4000)
    send()
    assert mailbox.subjects[-1] == "Example Works: 4,000 credits left"


def test_a_reminder_that_is_due_with_the_news_does_not_say_it_twice(levels, mailbox, send):
    Rule.objects.update(repeat_seconds=3600)
    levels.balance(700, after=timedelta(hours=2))
    assert [row.kind for row in levels.outbox] == ["firing", "eased"]
    levels.balance(700, after=timedelta(hours=2))
    assert [row.kind for row in levels.outbox] == ["firing", "eased", "reminder"]


@pytest.mark.parametrize("end", ["remove", "switch off"])
def test_a_rule_that_is_ended_while_it_fires_says_so_and_that_nobody_knows_more(watch, owner, mailbox, send, end):
    rule = watch.rule(name="Balance low")
    watch.balance(412)
    send()
    if end == "remove":
        rule_services.remove_rule(rule, Actor(user=owner))
    else:
        rule.enabled = False
        rule_services.save_rule(rule, Actor(user=owner))
    send()
    assert mailbox.subjects[1:] == ["No longer watched: Example Works: Balance low"]
    assert mailbox.messages[1]["In-Reply-To"] == mailbox.messages[0]["Message-ID"]
    body = text(mailbox.messages[1])
    assert f"The rule was {'removed' if end == 'remove' else 'turned off'} by {owner.email}." in body
    assert "so its status is unknown" in body
    assert ("/alerts/rules/" in body) == (end == "switch off")
    watch.balance(300)
    send()
    assert len(mailbox.messages) == 2


def test_a_rule_that_is_removed_names_what_still_fires(levels, mailbox, send):
    send()
    rule_services.remove_rule(Rule.objects.get(name="Almost gone"), CONSOLE)
    send()
    assert mailbox.subjects[1] == "Still: Example Works: 400 credits left"
    assert "The rule was removed." in text(mailbox.messages[1])
    assert "Still firing: Low" in text(mailbox.messages[1])


def test_an_email_that_waits_does_not_lead_to_a_rule_that_is_gone(watch, mailbox, send):
    rule = watch.rule()
    watch.balance(412)
    rule_services.remove_rule(rule, CONSOLE)
    send()
    assert not any("/alerts/rules/" in text(message) for message in mailbox.messages)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"severity": "critical"}, "reminder", "CRITICAL, the rule was changed"),
        ({"threshold": 450, "recovery": 500}, "reminder", "Threshold: 450 credits"),
        ({"threshold": 300, "recovery": 350}, "resolved", "RESOLVED"),
        ({"recovery": 400, "threshold": 400}, "resolved", "RESOLVED"),
    ],
    ids=str,
)
def test_a_rule_that_is_changed_while_it_fires_says_so_with_what_it_was(
    watch, owner, mailbox, send, change, kind, words
):
    rule = watch.rule()
    watch.balance(412)
    send()
    for name, value in change.items():
        setattr(rule, name, value)
    rule_services.save_rule(rule, Actor(user=owner))
    watch.balance(412)
    send()
    assert [row.kind for row in watch.outbox] == ["firing", kind]
    body = text(mailbox.messages[1])
    assert words in body
    assert f"The rule was changed by {owner.email}. Before: warning, the balance is below 500 credits." in body
    watch.balance(411)
    assert len(watch.outbox) == 2


def test_a_new_name_is_taken_over_without_an_email(watch):
    rule = watch.rule()
    watch.balance(412)
    rule.name = "Credits low"
    rule_services.save_rule(rule, CONSOLE)
    watch.balance(412)
    assert watch.alerts.get().rule_name == "Credits low"
    assert len(watch.outbox) == 1


def test_a_base_that_does_not_resolve_is_let_go_when_a_person_changes_the_rule(watch):
    rule = watch.rule(threshold=50, recovery=55, parameters={"unit": "percent"})
    watch.balance(10_000)
    watch.balance(4000)
    rule.threshold, rule.recovery = 30, 35
    rule_services.save_rule(rule, CONSOLE)
    watch.balance(4000)
    assert watch.alerts.get().state == "resolved"


def test_an_address_that_was_taken_off_hears_nothing_more_and_the_others_do(watch):
    rule = watch.rule(addresses=["finance@example.test"])
    watch.balance(412)
    rule.addresses = []
    rule_services.save_rule(rule, CONSOLE)
    watch.balance(9000)
    heard = {row.recipient.address: row.kind for row in watch.outbox}
    assert heard == {"owner@example.test": "resolved", "finance@example.test": "firing"}


def test_a_snooze_without_a_date_ends_with_its_alert(watch):
    watch.rule()
    watch.balance(412)
    alert_actions.snooze(watch.alerts.get(), CONSOLE, until=None, level=100)
    watch.balance(100_000)
    assert not Snooze.objects.exists()
    watch.balance(150)
    assert [row.kind for row in watch.outbox] == ["firing", "resolved", "firing"]


def test_a_snooze_without_a_date_ends_with_its_rule_being_switched_off(watch):
    rule = watch.rule()
    watch.balance(412)
    alert_actions.snooze(watch.alerts.get(), CONSOLE, until=None, level=100)
    rule.enabled = False
    rule_services.save_rule(rule, CONSOLE)
    assert not Snooze.objects.exists()
