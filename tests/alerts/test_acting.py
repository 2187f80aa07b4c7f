"""The list of alerts: several acknowledged at once, rules turned on and off, and Undo."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert, Notification
from alerts.services.notifications import new_message_id
from alerts.views import alerts
from tests.alerts.conftest import fire

pytestmark = pytest.mark.django_db


@pytest.fixture
def undo(client):
    """Do what the notice of a response offers to undo."""

    def post(response):
        [message] = [each for each in get_messages(response.wsgi_request) if each.extra_tags]
        offered = json.loads(message.extra_tags)
        return client.post(offered["url"], offered["fields"])

    return post


def acknowledged(workspace):
    return set(
        Alert.objects.filter(workspace=workspace, acknowledged_at__isnull=False).values_list("subject", flat=True)
    )


def test_several_alerts_are_acknowledged_at_once_and_that_can_be_undone(go, undo, workspace, operator):
    first, second, _ = (fire(workspace, name) for name in ("CRM sync", "Monitoring", "Staging"))
    done = go(operator, "acknowledge_selected", data={"alert": [first.pk, second.pk]})
    assert acknowledged(workspace) == {"CRM sync", "Monitoring"}
    undo(done)
    assert acknowledged(workspace) == set()
    texts = list(first.transitions.values_list("text", flat=True))
    assert texts == ["Acknowledged", "Acknowledgment withdrawn"]


def test_the_count_in_the_heading_follows_the_list(client, workspace, viewer):
    first, _ = (fire(workspace, name) for name in ("CRM sync", "Monitoring"))
    client.force_login(viewer)
    page = client.get(alerts.list_url(workspace)).text
    assert re.search(r'<span id="alerts-summary">2 active\b', page)
    Alert.objects.filter(pk=first.pk).update(state="resolved", resolved_at=timezone.now())
    part = client.get(alerts.list_url(workspace), headers={"HX-Request": "true"}).text
    assert re.search(r'<span id="alerts-summary" hx-swap-oob="true">1 active\b', part)


def test_the_button_of_one_alert_acknowledges_that_one_only(go, workspace, operator):
    chosen, pressed = fire(workspace, "CRM sync"), fire(workspace, "Monitoring")
    go(operator, "acknowledge_selected", data={"alert": [chosen.pk], "only": pressed.pk})
    assert acknowledged(workspace) == {"Monitoring"}


@pytest.mark.parametrize("sent", ["", "x", "9" * 30, "²"])
def test_what_is_no_alert_changes_nothing(go, workspace, operator, sent):
    fire(workspace)
    assert go(operator, "acknowledge_selected", data={"alert": sent}).status_code == 302
    assert go(operator, "withdraw", data={"alert": sent}).status_code == 302
    assert acknowledged(workspace) == set()


def test_another_workspaces_alerts_are_left_alone(go, workspace, other_workspace, operator):
    theirs = fire(other_workspace, "Theirs")
    go(operator, "acknowledge_selected", data={"alert": theirs.pk})
    assert acknowledged(other_workspace) == set()


def test_a_rule_is_turned_off_and_on_again_by_undo(go, undo, watch, owner):
    rule = watch.rule()
    done = go(owner, "switch_rule", rule.pk, data={"to": "off"})
    rule.refresh_from_db()
    assert not rule.enabled
    undo(done)
    rule.refresh_from_db()
    assert rule.enabled


def test_a_level_is_changed_in_the_list_keeps_its_gap_and_is_undone(go, undo, watch, owner):
    rule = watch.rule(threshold=500, recovery=600)
    assert f'id="level-{rule.pk}"' in go(owner, "list").content.decode()
    done = go(owner, "set_level", rule.pk, data={"threshold": "1000"})
    rule.refresh_from_db()
    assert (rule.threshold, rule.recovery) == (1000, 1100)
    undo(done)
    rule.refresh_from_db()
    assert (rule.threshold, rule.recovery) == (500, 600)


@pytest.mark.parametrize(
    ("level", "why"), [("x", "number"), ("", "Fill in"), ("-1", "Enter 0 or more"), ("1e99", "digits")]
)
def test_a_level_that_is_none_changes_nothing_and_says_why(go, watch, owner, level, why):
    rule = watch.rule(threshold=500, recovery=600)
    done = go(owner, "set_level", rule.pk, data={"threshold": level})
    page = done.content.decode()
    field = re.search(rf'<input[^>]*value="{level}"[^>]*aria-invalid="true"[^>]*aria-describedby="([^"]+)"', page)
    assert done.status_code == 422
    assert re.search(rf'<details[^>]*id="level-{rule.pk}" open>', page)
    assert why in re.search(rf'id="{field[1]}".*?</p>', page, re.DOTALL)[0]
    assert not list(get_messages(done.wsgi_request))
    rule.refresh_from_db()
    assert rule.threshold == 500


def test_only_the_level_that_is_refused_is_marked(go, watch, owner):
    rule = watch.rule(threshold=500, recovery=600)
    watch.rule(name="Other", severity="information", threshold=1000, recovery=1000)
    page = go(owner, "set_level", rule.pk, data={"threshold": "2000"}).content.decode()
    assert page.count("aria-invalid") == page.count("Levels must descend") == 1
    assert 'value="2000"' in page
    assert 'value="1000"' in page


def test_a_rule_without_a_level_has_none_to_change(go, watch, owner):
    rule = watch.rule(kind="credential_rejected", name="Credential rejected", threshold=0)
    assert "Change level" not in go(owner, "list").content.decode()
    assert go(owner, "set_level", rule.pk, data={"threshold": "5"}).status_code == 404


def test_turning_off_twice_leaves_it_off(go, watch, owner):
    rule = watch.rule()
    for _ in range(2):
        go(owner, "switch_rule", rule.pk, data={"to": "off"})
    rule.refresh_from_db()
    assert not rule.enabled


def test_rules_are_grouped_by_what_they_watch(go, watch, owner):
    watch.rule()
    watch.rule(kind="key_wakes", name="Idle key wakes", threshold=30)
    watch.rule(kind="credential_rejected", name="Credential rejected", threshold=0)
    groups = go(owner, "list").context["groups"]
    assert [(group, [row.rule.name for row in rows]) for group, rows in groups] == [
        ("Credits", ["Balance low"]),
        ("Keys", ["Idle key wakes"]),
        ("Connection", ["Credential rejected"]),
    ]


def test_removing_a_recipient_ends_everything_they_get_and_can_be_undone(go, undo, recipient, owner):
    recipient.summary = "weekly"
    recipient.warnings_off_at = timezone.now()
    recipient.save()
    done = go(owner, "recipient", recipient.pk, data={"critical": "on", "summary": "weekly", "remove": "1"})
    recipient.refresh_from_db()
    assert (recipient.critical_off_at is None, recipient.summary) == (False, "")
    undo(done)
    recipient.refresh_from_db()
    assert (recipient.critical_off_at, recipient.summary) == (None, "weekly")
    assert recipient.warnings_off_at is not None


def test_five_and_ten_alerts_cost_the_same_number_of_queries(go, workspace, operator):
    counts = []
    go(operator, "list")  # the first page of a process asks for more
    for round_ in range(2):
        for number in range(5):
            fire(workspace, f"Key {round_}-{number}")
        with CaptureQueriesContext(connection) as queries:
            go(operator, "list")
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- emails ---------------------------------------------------------------------------------------------------


@pytest.fixture
def email(workspace, recipient):
    return Notification.objects.create(
        key="test",
        workspace=workspace,
        recipient=recipient,
        kind="test",
        message_id=new_message_id("test"),
        payload={"asked_by": "<script>alert(1)</script>"},
        state="sent",
        sent_at=timezone.now(),
        answer="Written to a file: no mail server is set (EMAIL_URL).",
    )


def test_an_email_that_went_into_a_file_is_not_called_sent(go, email, viewer):
    page = go(viewer, "emails").text
    assert "Stored in a file" in page
    assert "No mail server: alerts are not emailed." in page
    assert ">Sent<" not in page
    email.answer = "250 2.0.0 queued"
    email.save()
    assert "Sent</span>" in go(viewer, "emails").text


def test_with_a_mail_server_no_page_says_there_is_none(go, mailbox, owner, watch):
    watch.rule()
    assert "No mail server" not in go(owner, "emails").text
    assert "No mail server" not in go(owner, "list").text


def test_an_owner_sees_the_email_as_it_is_drawn_in_a_page_that_can_do_nothing(go, email, owner, operator):
    page = go(owner, "email_html", email.pk)
    assert "Email for Example Works works" in page.text
    assert "<script>" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert go(operator, "email_html", email.pk).status_code == 403


def test_the_drawn_email_holds_no_recipients_own_link(go, watch, send, owner, recipient):
    watch.rule(to_owners=False, addresses=[recipient.address])
    watch.balance(412, after=timedelta(minutes=1))
    [queued] = watch.outbox
    page = go(owner, "email_html", queued.pk).text
    assert "412 credits left" in page
    assert "/unsubscribe/" not in page


def test_a_title_begins_with_a_capital_but_no_name_is_changed(workspace):
    workspace_alert = fire(workspace, headline="credits last about 2 days")
    endpoint = fire(workspace, "crm.example.test")
    assert workspace_alert.title == "Credits last about 2 days"
    assert endpoint.title == "crm.example.test: many errors"
