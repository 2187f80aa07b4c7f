"""What the e-mails say, to whom, and the way out of them."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from alerts.mail import summaries
from alerts.mail.messages import one_line
from alerts.models import Notification, QuietHours, Recipient
from workspaces.models import Poll, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(watch, mailbox, send):
    """Let the balance fall, and return the e-mail about it as it arrived."""

    def arrive(**facts):
        watch.rule(**facts)
        watch.balance(412)
        send()
        return mailbox.messages[-1]

    return arrive


def parts(message):
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


def test_value_threshold_and_rule_are_in_text_and_html(message, watch):
    for body in parts(message(name="Balance low")):
        for words in ("Balance low", "412 credits", "500 credits", "550 credits", "Spent in the last 24 hours"):
            assert words in body
        assert f"/w/example-works/alerts/{watch.alerts.get().pk}/" in body


def test_styles_are_inlined_and_dark_mode_stays(message):
    html = parts(message())[1]
    assert '<h1 style="' in html
    assert "prefers-color-scheme: dark" in html


def test_programs_can_tell_that_it_is_automatic_and_how_to_stop_it(message):
    found = message()
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/unsubscribe/" in found["List-Unsubscribe"]


@pytest.mark.parametrize(
    "name",
    [
        "Evil\r\nBcc: victim@example.test",
        "<script>alert(1)</script>",
        "{% load x %}{{ 7|add:7 }}",
        "\u202egnihtyna\u2028\x00\ud800",
        "x" * 120,
    ],
)
def test_hostile_names_stay_text(name, message, workspace, mailbox):
    workspace.name = name.replace("\x00", "").replace("\ud800", "")[:80]
    workspace.save()
    found = message(name=workspace.name)
    assert found["Bcc"] is None
    assert "\n" not in found["Subject"]
    assert len(found["Subject"]) <= 220
    assert "<script>" not in parts(found)[1]
    assert len(mailbox.messages) == 1


def test_a_subject_is_one_line_without_control_or_direction_characters():
    assert one_line("a\r\nb\x00\u2028c\u202ed\ud800") == "a b cd"


def test_times_are_in_the_readers_zone(message, owner):
    User.objects.update(time_zone="Asia/Tokyo")
    for body in parts(message()):
        assert body.count("JST") >= 3
        assert "UTC" not in body
        assert "[[" not in body


def test_one_click_unsubscribes_without_signing_in(message, client, watch, owner):
    link = message()["List-Unsubscribe"].strip("<> ").partition("/unsubscribe/")[2]
    path = f"/unsubscribe/{link}"
    assert client.get(path).status_code == 200
    assert Recipient.objects.get(address=owner.email).ended == []
    client.post(path, {"List-Unsubscribe": "One-Click"})
    assert Recipient.objects.get(address=owner.email).ended == ["warnings"]
    watch.balance(4000)
    watch.balance(300)
    assert len(watch.outbox) == 1


def test_a_forged_way_out_is_refused(client):
    response = client.post(reverse("alerts:unsubscribe", args=["MQ:forged"]))
    assert response.status_code == 404


def test_the_log_shows_what_was_sent_and_hides_the_readers_own_link(message, client, viewer):
    message()
    client.force_login(viewer)
    page = client.get(reverse("alerts:emails", args=["example-works"])).content.decode()
    detail = client.get(reverse("alerts:email", args=["example-works", Notification.objects.get().pk])).content.decode()
    assert "250 2.0.0 queued as 4711" in page
    assert "Balance low" in detail
    assert "/unsubscribe/" not in detail


def test_the_test_button_shows_what_the_server_said(client, operator, mailbox):
    client.force_login(operator)
    mailbox.at_recipient["finance@example.test"] = "550 5.1.1 no such mailbox"
    page = client.post(
        reverse("alerts:test", args=["example-works"]), {"address": "finance@example.test"}, follow=True
    ).content.decode()
    assert "550 5.1.1 no such mailbox" in page
    assert "Undeliverable" in page


def test_quiet_hours_hold_a_warning_back_and_let_the_critical_through(watch, mailbox, send, workspace):
    QuietHours.objects.create(workspace=workspace, begin="00:00", end="23:59", time_zone="UTC")
    watch.clock.move_to(timezone.now().replace(hour=3, minute=0))
    watch.rule(threshold=500)
    watch.balance(412)
    send()
    assert mailbox.messages == []
    watch.rule(severity="critical", threshold=100, recovery=100)
    watch.balance(50)
    send()
    assert len(mailbox.messages) == 1


def test_an_alert_that_ends_within_quiet_hours_is_not_sent(watch, mailbox, send, workspace):
    QuietHours.objects.create(workspace=workspace, begin="00:00", end="23:59", time_zone="UTC")
    watch.clock.move_to(timezone.now().replace(hour=3, minute=0))
    watch.rule()
    watch.balance(412)
    watch.balance(4000)
    send(later=True)
    assert mailbox.messages == []
    assert [row.state for row in watch.outbox] == ["dropped"]


def test_a_daily_summary_comes_once_a_morning_also_when_all_is_well(watch, mailbox, send, recipient):
    Recipient.objects.update(summary="daily", summary_at=timezone.now() - timedelta(days=2))
    watch.balance(4820)
    assert summaries.write_due() == 1
    assert summaries.write_due() == 0
    send()
    assert mailbox.subjects == ["Example Works: all is well (summary of the day)"]
    assert "4,820 credits" in parts(mailbox.messages[0])[0]


def test_a_weekly_summary_waits_for_monday(recipient):
    recipient.summary = "weekly"
    with time_machine.travel("2026-03-04 10:00Z", tick=False):  # a Wednesday
        recipient.summary_at = timezone.now() - timedelta(days=1)
        recipient.save()
        assert summaries.write_due() == 0
    with time_machine.travel("2026-03-09 08:01Z", tick=False):
        assert summaries.write_due() == 1


def test_a_summary_does_not_say_that_all_is_well_before_everything_was_read(watch, recipient):
    assert summaries.summarize(watch.workspace, watch.now, 1)["headline"] == "all is well"
    Poll.objects.create(workspace=watch.workspace, resource="keys", interval_seconds=60)
    assert (
        summaries.summarize(watch.workspace, watch.now, 1)["headline"] == "no alerts, but some data could not be synced"
    )


@pytest.mark.parametrize(
    "trouble",
    [{"paused_reason": "Cleanlist rejected the stored API key."}, {"interval_seconds": 60}],
    ids=["paused", "out of date"],
)
def test_a_summary_does_not_say_that_all_is_well_while_the_balance_is_not_known(watch, recipient, trouble):
    watch.rule()
    watch.balance(4820)
    assert summaries.summarize(watch.workspace, watch.now, 1)["headline"] == "all is well"
    watch.clock.shift(timedelta(minutes=20))
    Poll.objects.update(**trouble)
    said = summaries.summarize(watch.workspace, watch.now, 1)
    assert said["headline"] == "no alerts, but some data is missing"
    assert not said["is_well"]
    assert [label for label, text in said["facts"] if "The balance is out of date" in text] == ["Credits"]


def test_a_summary_names_missing_data(watch, recipient):
    watch.rule(kind="runway_below", name="Runway")
    watch.balance(4820)
    said = summaries.summarize(watch.workspace, watch.now, 1)
    [[_, reason]] = [fact for fact in said["facts"] if fact[0] == "Unknown"]
    assert "available after 48 hours of data" in reason


@pytest.mark.parametrize(("seconds", "words"), [(3600, "Reminders every hour until"), (21600, "every 6 hours until")])
def test_an_email_says_how_often_it_will_be_repeated(watch, mailbox, send, seconds, words):
    watch.rule(repeat_seconds=seconds)
    watch.balance(412)
    send()
    assert words in mailbox.messages[0].get_body(("plain",)).get_content()
