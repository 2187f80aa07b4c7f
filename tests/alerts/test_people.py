"""What people do on the pages, and who may."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert, Rule, Snooze, Stream
from alerts.services import recipients
from workspaces.audit.events import CONSOLE
from workspaces.models import Action, AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def low(watch):
    """A balance that is too low, and the alert about it."""
    watch.rule(repeat_seconds=3600)
    watch.balance(412)
    return watch.alerts.get()


@pytest.fixture
def go(client, workspace):
    """Ask for a page of alerts as somebody; with data, POST."""

    def ask(user, name, *arguments, data=None, **headers):
        client.force_login(user)
        url = reverse(f"alerts:{name}", args=[workspace.slug, *arguments])
        return client.get(url, **headers) if data is None else client.post(url, data, **headers)

    return ask


def form_of(rule, **changes):
    return {
        "name": rule.name,
        "severity": rule.severity,
        "threshold": rule.threshold,
        "recovery": rule.recovery,
        "pending_minutes": 0,
        "repeat_seconds": 0,
        "to_owners": "on",
        "enabled": "on",
        "unit": "credits",
        **changes,
    }


PAGES = ("list", "emails")


@pytest.mark.parametrize("page", PAGES)
def test_every_member_reads_and_strangers_find_nothing(page, go, low, viewer, stranger):
    assert go(viewer, page).status_code == 200
    assert go(stranger, page).status_code == 404


@pytest.mark.parametrize(("who", "offers"), [("viewer", []), ("operator", ["test"]), ("owner", ["test", "quiet"])])
def test_the_page_of_emails_offers_what_the_person_may_do(go, request, who, offers):
    page = go(request.getfixturevalue(who), "emails").text
    assert [form for form in ("test", "quiet") if f'action="/w/example-works/alerts/emails/{form}/"' in page] == offers


def test_a_viewer_reads_an_alert_and_a_rule_and_may_change_neither(go, low, viewer):
    assert go(viewer, "alert", low.pk).status_code == 200
    assert go(viewer, "rule", low.rule_id).status_code == 200
    for name in ("acknowledge", "snooze", "wake"):
        assert go(viewer, name, low.pk, data={"level": "100"}).status_code == 403
    low.refresh_from_db()
    assert low.acknowledged_at is None
    assert not Snooze.objects.exists()


def test_an_operator_may_not_change_rules_or_recipients(go, low, operator, recipient):
    before = Rule.objects.values().get()
    assert go(operator, "rule", low.rule_id, data=form_of(low.rule, threshold=1)).status_code == 403
    assert go(operator, "remove_rule", low.rule_id, data={}).status_code == 403
    assert go(operator, "switch_rule", low.rule_id, data={}).status_code == 403
    assert go(operator, "recipient", recipient.pk, data={}).status_code == 403
    assert go(operator, "quiet_hours", data={}).status_code == 403
    assert Rule.objects.values().get() == before


def test_what_a_recipient_gets_is_not_changed_without_its_audit_event(recipient, monkeypatch):
    monkeypatch.setattr(recipients, "record_event", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        recipients.change_recipient(recipient, CONSOLE, summary="", critical=False, warnings=False)
    recipient.refresh_from_db()
    assert recipient.wants(Stream.CRITICAL)


def test_an_operator_acknowledges_and_the_timeline_says_so(go, low, operator):
    go(operator, "acknowledge", low.pk, data={"note": "top-up ordered"})
    page = go(operator, "alert", low.pk).content.decode()
    assert "Acknowledged: top-up ordered" in page
    assert AuditEvent.objects.filter(action=Action.ALERT_ACKNOWLEDGED, actor=operator).count() == 1


def test_a_snoozed_alert_is_silent_until_it_falls_below_the_level(go, low, watch, operator):
    go(operator, "snooze", low.pk, data={"level": "200"})
    watch.balance(300, after=timedelta(days=2))
    assert len(watch.outbox) == 1
    watch.balance(199)
    assert [row.kind for row in watch.outbox] == ["firing", "reminder"]
    assert not Snooze.objects.exists()


def test_a_snoozed_alert_leaves_the_banner_of_every_page_and_stays_on_the_list(go, client, low, operator):
    Alert.objects.update(severity="critical")
    client.force_login(operator)
    keys = reverse("keys:list", args=[low.workspace.slug])
    assert "412 credits left" in client.get(keys).text
    until = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    go(operator, "snooze", low.pk, data={"until": until})
    assert "412 credits left" not in client.get(keys).text
    assert "412 credits left" in go(operator, "list").text


def test_a_snooze_outlives_the_alert_it_was_set_on(go, low, watch, operator):
    go(operator, "snooze", low.pk, data={"until": (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")})
    watch.balance(4000)
    watch.balance(400)
    assert [row.kind for row in watch.outbox] == ["firing", "resolved"]
    watch.balance(399, after=timedelta(days=4))
    assert [row.kind for row in watch.outbox] == ["firing", "resolved", "reminder"]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({}, "Choose a date or a level"),
        ({"level": "450"}, "Already past that"),
        ({"until": "2001-01-01T08:00"}, "Choose a time in the future"),
        ({"level": "NaN"}, "Enter a number, such as"),
    ],
)
def test_a_snooze_that_makes_no_sense_is_refused_at_its_field(entered, said, go, low, operator):
    response = go(operator, "snooze", low.pk, data=entered)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Snooze.objects.exists()


def test_an_owner_changes_a_rule_and_the_trail_shows_before_and_after(go, low, owner):
    go(owner, "rule", low.rule_id, data=form_of(low.rule, threshold="300", recovery="350"))
    rule = Rule.objects.get()
    event = AuditEvent.objects.get(action=Action.ALERT_RULE_CHANGED)
    assert (rule.threshold, rule.recovery) == (Decimal(300), Decimal(350))
    assert event.details["before"]["threshold"].startswith("500")


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"recovery": "400"}, "It must not be below 500"),
        ({"threshold": "90", "recovery": "99"}, "Levels must descend: this must be above 100 credits"),
        ({"addresses": "nobody"}, "“nobody” is not an email address"),
        ({"to_owners": ""}, "This rule would notify no one"),
        ({"threshold": "1e400"}, "digits"),
        ({"severity": "catastrophic"}, "Choose one of the options"),
    ],
)
def test_a_bad_rule_is_refused_at_its_field(entered, said, go, low, watch, owner):
    watch.rule(name="Almost gone", severity="critical", threshold=100, recovery=110)
    response = go(owner, "rule", low.rule_id, data=form_of(low.rule, **entered))
    assert response.status_code == 422
    assert said in response.content.decode()


def test_a_percent_level_out_of_line_is_refused_at_its_field(go, watch, owner):
    parameters = {"unit": "percent"}
    rule = watch.rule(name="Almost gone", severity="critical", threshold=5, recovery=6, parameters=parameters)
    watch.rule(threshold=10, recovery=12, parameters=parameters)
    for level, said in (("25", "Levels must descend"), ("200", "More than 100%")):
        entries = form_of(rule, threshold=level, recovery=level, unit="percent")
        response = go(owner, "rule", rule.pk, data=entries)
        assert response.status_code == 422
        assert said in response.content.decode()


@pytest.mark.parametrize(
    ("kind", "level", "said"),
    [
        ("key_errors", "500", "Choose less than 100%"),
        ("key_errors", "100", "Choose less than 100%"),
        ("webhook_failures", "150", "Choose less than 100%"),
        ("key_expires", "0", "Choose more than 0 days"),
        ("key_wakes", "99999", "Choose less than 3,650 days"),
    ],
)
def test_a_level_that_nothing_can_pass_is_refused(go, watch, owner, kind, level, said):
    rule = watch.rule(kind=kind, threshold=5, recovery=5)
    response = go(owner, "rule", rule.pk, data=form_of(rule, threshold=level, recovery=level))
    assert response.status_code == 422
    assert said in response.content.decode()


@pytest.mark.parametrize(("kind", "level"), [("key_errors", "99.5"), ("key_expires", "0.5")])
def test_a_level_that_something_can_just_pass_is_taken(go, watch, owner, kind, level):
    rule = watch.rule(kind=kind, threshold=5, recovery=5)
    go(owner, "rule", rule.pk, data=form_of(rule, threshold=level, recovery=level, least="5"))
    rule.refresh_from_db()
    assert rule.threshold == Decimal(level)


def test_trying_a_rule_out_stores_nothing_and_says_when_it_would_have_fired(go, watch, owner):
    rule = watch.rule(threshold=100, recovery=110)
    for amount in (900, 450, 900, 450, 900):
        watch.balance(amount)
    page = go(owner, "rule", rule.pk, data=form_of(rule, threshold="500", recovery="550", **{"try": "1"}))
    assert "It would not fire now" in page.content.decode()
    assert "It would have fired 2 times" in page.content.decode()
    assert Rule.objects.get().threshold == 100


def test_a_removed_rule_ends_its_alert_says_so_and_keeps_its_past(go, low, watch, owner):
    go(owner, "remove_rule", low.rule_id, data={})
    low.refresh_from_db()
    assert (low.state, low.rule, low.rule_name) == ("resolved", None, "Balance low")
    assert [row.payload.get("ended") for row in watch.outbox] == [None, f"The rule was removed by {owner.email}."]
    assert go(owner, "alert", low.pk).status_code == 200


def test_a_rule_switched_off_says_nothing_more(go, low, watch, owner):
    go(owner, "switch_rule", low.rule_id, data={})
    watch.balance(100)
    assert Alert.objects.open().count() == 0


def test_an_alert_of_another_workspace_is_not_found(go, low, owner):
    other = Alert.objects.get()
    assert go(owner, "alert", other.pk + 100).status_code == 404


def test_critical_alerts_are_seen_from_every_page(client, low, owner):
    Alert.objects.update(severity="critical")
    client.force_login(owner)
    for page in (low.workspace.get_absolute_url(), reverse("keys:list", args=[low.workspace.slug]), "/"):
        assert "412 credits left" in client.get(page).content.decode()


def test_nobody_sees_alerts_of_workspaces_that_are_not_theirs(client, low, stranger):
    client.force_login(stranger)
    assert "412 credits left" not in client.get("/").content.decode()


def test_a_new_rule_of_each_kind_can_be_opened(go, watch, owner):
    for kind in go(owner, "choose_kind").context["kinds"]:
        assert go(owner, "new_rule", kind.name).status_code == 200
    assert go(owner, "new_rule", "nonsense").status_code == 404


def test_the_list_takes_the_same_number_of_queries_for_more_rules_and_alerts(
    go, watch, owner, django_assert_max_num_queries
):
    def count():
        with django_assert_max_num_queries(80) as queries:
            go(owner, "list")
        return len(queries)

    watch.rule(name="First", threshold=100, recovery=100)
    watch.balance(50)
    go(owner, "list")
    few = count()
    for number in range(10):
        watch.rule(name=f"Rule {number}", threshold=100 + number, recovery=200)
    watch.balance(49)
    assert count() == few
