"""What readers can end, kind by kind, and what happens when nobody is left to hear of what is critical."""

from datetime import timedelta

import pytest
from django.core import signing
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from alerts.mail import summaries
from alerts.mail.messages import UNSUBSCRIBE_SALT, compose
from alerts.models import Recipient, Rule
from alerts.services import alert_actions, recipients
from tests.old_schema import old_schema
from workspaces.audit.events import CONSOLE
from workspaces.models import AuditEvent, Membership, Role, User

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def critical(watch):
    """A critical rule that tells the owners, and the rule about who would be told."""
    watch.rule(kind="critical_unheard", name="Unheard", threshold=0, recovery=0)
    return watch.rule(name="Gone", severity="critical", threshold=100, recovery=110)


def link(row):
    return "/unsubscribe/" + compose(row).extra_headers["List-Unsubscribe"].strip("<>").partition("/unsubscribe/")[2]


def ended(address):
    return [stream.value for stream in Recipient.objects.get(address=address).ended]


def test_one_click_ends_the_kind_of_the_email_and_nothing_else(watch, client, critical, owner):
    watch.rule(name="Low")
    watch.balance(412)
    assert client.post(link(watch.outbox[0]), ONE_CLICK).status_code == 200
    assert ended(owner.email) == ["warnings"]
    watch.balance(50)
    assert [row.payload["rule"] for row in watch.outbox] == ["Low", "Gone"]


def test_one_click_in_a_summary_leaves_alerts_alone(watch, client, critical, owner, recipient):
    Recipient.objects.filter(pk=recipient.pk).update(summary="daily", address=owner.email)
    assert summaries.write_due(watch.now) == 1
    client.post(link(watch.outbox[0]), ONE_CLICK)
    assert ended(owner.email) == ["summary"]
    watch.balance(50)
    assert [row.kind for row in watch.outbox] == ["summary", "firing"]


def test_a_link_of_before_there_were_kinds_ends_everything_as_it_had_promised(client, recipient):
    token = signing.Signer(salt=UNSUBSCRIBE_SALT).sign_object(recipient.pk)
    client.post(reverse("alerts:unsubscribe", args=[token]), ONE_CLICK)
    assert ended(recipient.address) == ["critical", "warnings", "summary"]
    assert AuditEvent.objects.get().details["ended"] == ["critical", "warnings", "summary"]


def test_the_page_says_what_ending_critical_alerts_means_before_and_after(watch, client, critical, owner):
    watch.balance(50)
    path = link(watch.outbox[0])
    before = client.get(path).text
    assert "Without you, critical alerts of Example Works would reach no one" in before
    assert "“Gone”" in before
    assert ended(owner.email) == []
    after = client.post(path, {"chosen": "1", "stream": ["critical", "warnings"]}).text
    assert "Critical alerts of Example Works now reach no one" in after
    assert "You will not be notified when credits run out" in after
    assert ended(owner.email) == ["critical", "warnings"]


def test_the_page_asks_again_where_nothing_was_chosen(watch, client, critical, owner):
    watch.balance(50)
    answer = client.post(link(watch.outbox[0]), {"chosen": "1"})
    assert (answer.status_code, ended(owner.email)) == (422, [])
    assert "Choose at least one" in answer.text


def test_somebody_who_is_not_the_last_is_not_alarmed(watch, client, critical, operator):
    critical.addresses = ["finance@example.test"]
    critical.save()
    watch.balance(50)
    assert "would reach no one" not in client.get(link(watch.outbox[0])).text


def test_a_workspace_that_nobody_would_hear_of_says_so_on_every_page(watch, client, critical, owner, viewer):
    watch.balance(50)
    client.post(link(watch.outbox[0]), ONE_CLICK)
    watch.balance(4000)
    client.force_login(viewer)
    for page in (watch.workspace.get_absolute_url(), reverse("keys:list", args=[watch.workspace.slug])):
        assert "Critical alerts reach no one: “Gone”" in client.get(page).text
    alert = watch.alerts.get(kind="critical_unheard")
    assert alert.facts == [[owner.email, "unsubscribed from critical alerts"]]


@pytest.mark.parametrize(
    ("facts", "reach_nobody"),
    [
        ({}, []),
        ({"warnings_off_at": "2026-01-01T00:00Z"}, ["Low", "Unheard"]),
        ({"critical_off_at": "2026-01-01T00:00Z"}, ["Gone"]),
        ({"refused_at": "2026-01-01T00:00Z"}, ["Gone", "Low", "Unheard"]),
    ],
    ids=str,
)
def test_the_list_of_rules_says_which_reach_nobody(watch, client, critical, owner, facts, reach_nobody):
    watch.rule(name="Low")
    watch.rule(name="Off", enabled=False)
    watch.rule(name="To the office", to_owners=False, addresses=["office@example.com"])
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, **facts)
    client.force_login(owner)
    groups = client.get(reverse("alerts:list", args=[watch.workspace.slug])).context["groups"]
    assert sorted(row.rule.name for _, rows in groups for row in rows if row.unreached is not None) == reach_nobody


def test_the_list_of_rules_says_why_one_reaches_nobody(watch, client, critical, owner):
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, critical_off_at=timezone.now())
    client.force_login(owner)
    page = client.get(reverse("alerts:list", args=[watch.workspace.slug])).text
    assert "Reaches no one" in page
    assert f"{owner.email} unsubscribed from critical alerts" in page


def test_no_answer_to_it_and_nothing_worse_hides_that_nobody_would_hear(watch, client, critical, owner, operator):
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, critical_off_at=timezone.now())
    watch.balance(50)
    alert = watch.alerts.get(kind="critical_unheard")
    alert_actions.acknowledge(alert, CONSOLE, "")
    alert_actions.snooze(alert, CONSOLE, until=watch.now + timedelta(days=9), level=None)
    client.force_login(operator)
    said = "Critical alerts reach no one: “Gone”"
    for page in (watch.workspace.get_absolute_url(), reverse("keys:list", args=[watch.workspace.slug])):
        text = client.get(page).text
        assert said in text
        assert "50 credits left" in text


def test_owners_who_still_get_other_emails_learn_that_critical_ones_reach_nobody(watch, client, critical, owner):
    second = User.objects.create_user("second@example.test")
    critical.to_owners, critical.addresses = False, ["pager@example.test"]
    critical.save()
    Membership.objects.create(user=second, workspace=watch.workspace, role=Role.OWNER)
    pager = Recipient.objects.create(workspace=watch.workspace, address="pager@example.test")
    watch.balance(4000)
    assert watch.outbox == []
    recipients.unsubscribe(pager, ["critical"])
    watch.balance(4000)
    assert {row.recipient.address for row in watch.outbox} == {owner.email, second.email}


def test_it_is_over_when_somebody_reads_them_again(watch, critical, owner):
    reader = Recipient.objects.create(workspace=watch.workspace, address=owner.email, critical_off_at=timezone.now())
    watch.balance(4000)
    recipients.change_recipient(reader, CONSOLE, summary="", critical=True, warnings=True)
    watch.balance(4000)
    assert watch.alerts.get(kind="critical_unheard").state == "resolved"


@pytest.mark.parametrize(
    ("facts", "is_heard"),
    [
        ({"critical_off_at": None}, True),
        ({"critical_off_at": "2026-01-01T00:00Z"}, False),
        ({"refused_at": "2026-01-01T00:00Z"}, False),
        ({"warnings_off_at": "2026-01-01T00:00Z"}, True),
    ],
    ids=str,
)
def test_an_address_counts_as_one_that_hears_unless_it_has_ended_them_or_is_refused(
    watch, critical, owner, facts, is_heard
):
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, **facts)
    watch.balance(4000)
    assert watch.alerts.filter(kind="critical_unheard").exists() != is_heard


def test_a_rule_that_is_off_or_milder_needs_nobody(watch, critical, owner):
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, critical_off_at=timezone.now())
    Rule.objects.filter(pk=critical.pk).update(enabled=False)
    watch.rule(name="Low")
    watch.balance(4000)
    assert not watch.alerts.exists()


def test_a_recipient_of_a_critical_alert_gets_its_end_even_if_it_is_a_warning_by_then(watch, critical, owner, send):
    watch.rule(name="Low")
    watch.balance(50)
    reader = Recipient.objects.get(address=owner.email)
    recipients.unsubscribe(reader, ["warnings"])
    watch.balance(400)
    watch.balance(9000)
    assert [(row.kind, row.stream) for row in watch.outbox] == [
        ("firing", "critical"),
        ("eased", "critical"),
        ("resolved", "critical"),
    ]


def test_queued_emails_are_not_sent_after_unsubscribing_and_mark_no_address_as_refused(
    watch, critical, owner, mailbox, send
):
    watch.balance(50)
    recipients.unsubscribe(Recipient.objects.get(address=owner.email), ["critical"])
    send()
    assert mailbox.messages == []
    assert watch.outbox[0].answer == "Not sent: the recipient unsubscribed from these emails (critical alerts)."
    assert Recipient.objects.get(address=owner.email).refused_at is None


def test_an_email_names_the_list_that_it_belongs_to(watch, critical, mailbox, send):
    watch.balance(50)
    send()
    assert mailbox.messages[0]["List-Id"] == "<critical.example-works.localhost>"


@pytest.mark.django_db(transaction=True)
def test_who_had_unsubscribed_under_an_older_version_still_gets_nothing(workspace):
    with old_schema("alerts", "0003"), connection.cursor() as cursor:
        for address, at in (("gone@example.test", timezone.now()), ("here@example.test", None)):
            cursor.execute(
                "INSERT INTO alerts_recipient (workspace_id, address, unsubscribed_at, summary, refusal)"
                " VALUES (%s, %s, %s, 'daily', '')",
                [workspace.pk, address, at],
            )
    assert ended("gone@example.test") == ["critical", "warnings", "summary"]
    assert ended("here@example.test") == []
    assert set(Recipient.objects.values_list("summary", flat=True)) == {"daily"}
