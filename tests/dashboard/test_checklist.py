"""The checklist on the overview: its steps are done when the data says so, for those who may take them."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert, Notification, Recipient, Rule
from tests.fixtures import person
from tests.webhooks.attempts import run
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Delivery, Item, Redelivery
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, AuditEvent, ManagementSession, Membership, Milestone

pytestmark = pytest.mark.django_db
OVERVIEW, FIRST_STEPS = "/w/example-works/", "/w/example-works/first-steps/"
CREDITS = "/w/example-works/sandbox/credits/"
RESET = "/w/example-works/sandbox/reset/"
TOUR = ["webhook", "redelivery", "key", "credits", "email", "error"]
FAILED = "public_bulk_0123"


@pytest.fixture
def in_sandbox(workspace, settings, tmp_path):
    """The workspace is connected to the sandbox beside the console, which nobody has started."""
    (tmp_path / "control-token").write_text("token")
    settings.SANDBOX_DIR, settings.SANDBOX_PORT = tmp_path, 9
    return workspace


def checklist(client):
    return client.get(OVERVIEW).context["first_steps"]


def steps(client):
    return {step.name: step for step in checklist(client).steps}


def done(client):
    return {step.name for step in checklist(client).steps if step.is_done}


def fail_a_webhook(workspace):
    now = timezone.now()
    ingest_page(workspace, run(FAILED, start=now - dt.timedelta(hours=1)), now)


def redeliver(workspace, user, state):
    """One result that ``user`` redelivers."""
    job = Redelivery.objects.create(workspace=workspace, requested_by=user)
    return Item.objects.create(redelivery=job, workflow=Delivery.objects.first().workflow, state=state)


def fire(workspace, **facts):
    now = timezone.now()
    known = {"kind": "balance_below", "severity": "critical", "state": "firing", "fired_at": now, "started_at": now}
    return Alert.objects.create(workspace=workspace, rule_name="Empty", evaluated_at=now, **known | facts)


def write_email(alert):
    reader, _ = Recipient.objects.get_or_create(workspace=alert.workspace, address="owner@example.test")
    says = {"kind": alert.kind, "severity": alert.severity, "rule": alert.rule_name, "headline": "0 credits left"}
    known = {"recipient": reader, "kind": "firing", "key": "k", "message_id": "<m@localhost>", "payload": says}
    return Notification.objects.create(workspace=alert.workspace, alert=alert, **known)


# --- the tour through the sandbox -----------------------------------------------------------------------------------


def test_in_the_sandbox_it_is_a_tour_of_which_nothing_is_done(as_owner, in_sandbox):
    found = checklist(as_owner)
    assert [step.name for step in found.steps] == TOUR
    assert found.done == 0
    assert "0 of 6 done" in as_owner.get(OVERVIEW).content.decode()


def test_viewers_get_only_what_they_may_do(client, in_sandbox, viewer):
    client.force_login(viewer)
    assert list(steps(client)) == ["webhook", "email", "error"]
    assert CREDITS not in client.get(OVERVIEW).content.decode()


def test_the_first_two_steps_lead_to_the_newest_failed_delivery(as_owner, in_sandbox):
    assert steps(as_owner)["webhook"].url == ""
    fail_a_webhook(in_sandbox)
    found = steps(as_owner)
    assert found["webhook"].url == f"/w/example-works/webhooks/{FAILED}/"
    assert as_owner.get(found["redelivery"].url).status_code == 200


def test_viewing_why_it_failed_counts_for_whoever_did(client, as_owner, in_sandbox, operator):
    fail_a_webhook(in_sandbox)
    for _ in range(2):
        as_owner.get(steps(as_owner)["webhook"].url)
    assert done(as_owner) == {"webhook"}
    client.force_login(operator)
    assert done(client) == set()


def test_viewing_it_elsewhere_than_in_the_sandbox_notes_nothing(as_owner, workspace):
    fail_a_webhook(workspace)
    assert as_owner.get(f"/w/example-works/webhooks/{FAILED}/").status_code == 200
    assert not Milestone.objects.exists()


def test_a_redelivery_and_a_key_whose_secret_was_seen_are_known_from_the_records(as_owner, in_sandbox, owner, operator):
    Redelivery.objects.create(workspace=in_sandbox, requested_by=operator)
    record_event(Action.KEY_SECRET_SEEN, Actor(user=operator), workspace=in_sandbox)
    assert done(as_owner) == set()
    fail_a_webhook(in_sandbox)
    redeliver(in_sandbox, owner, "delivered")
    record_event(Action.KEY_SECRET_SEEN, Actor(user=owner), workspace=in_sandbox)
    assert done(as_owner) == {"redelivery", "key"}


def test_a_redelivery_counts_once_it_was_accepted_and_until_then_its_next_try_is_said(as_owner, in_sandbox, owner):
    fail_a_webhook(in_sandbox)
    item = redeliver(in_sandbox, owner, "sending")
    assert "On its way" in steps(as_owner)["redelivery"].text
    item.state, item.next_try_at = "waiting", timezone.now() + dt.timedelta(seconds=30)
    item.save()
    waiting = steps(as_owner)["redelivery"]
    assert f"{timezone.localtime(item.next_try_at):%H:%M:%S}" in waiting.text
    assert waiting.url == item.redelivery.get_absolute_url()
    item.state = "failed"
    item.save()
    failed = steps(as_owner)["redelivery"]
    assert "was not accepted" in failed.text
    assert as_owner.get(failed.url).status_code == 200
    assert done(as_owner) == set()
    item.state = "delivered"
    item.save()
    assert done(as_owner) == {"redelivery"}


def test_at_its_end_it_offers_to_top_the_sandbox_up_again(client, in_sandbox, owner, viewer):
    client.force_login(owner)
    assert "first-steps-top-up" not in client.get(OVERVIEW).text
    fail_a_webhook(in_sandbox)
    redeliver(in_sandbox, owner, "delivered")
    record_event(Action.KEY_SECRET_SEEN, Actor(user=owner), workspace=in_sandbox)
    write_email(fire(in_sandbox))
    for name in (Milestone.Name.FAILURE_VIEWED, Milestone.Name.EMAIL_VIEWED, Milestone.Name.ERROR_PASTED):
        for user in (owner, viewer):
            Milestone.objects.create(user=user, workspace=in_sandbox, name=name)
    assert "first-steps-top-up" in client.get(OVERVIEW).text
    client.force_login(viewer)
    assert "first-steps-top-up" not in client.get(OVERVIEW).text


def test_it_leads_to_the_failed_delivery_whose_receiver_accepts_again(as_owner, in_sandbox):
    fail_a_webhook(in_sandbox)
    Delivery.objects.update(
        url="http://127.0.0.1:9000/recovered", last_attempt_at=timezone.now() - dt.timedelta(days=1)
    )
    now = timezone.now()
    ingest_page(in_sandbox, run("public_bulk_4567", start=now - dt.timedelta(minutes=50)), now)
    found = steps(as_owner)
    assert found["webhook"].url == f"/w/example-works/webhooks/{FAILED}/"
    assert FAILED in found["redelivery"].url


def test_only_an_alert_that_has_really_fired_counts(as_owner, in_sandbox):
    fire(in_sandbox, is_demo=True, resolved_at=timezone.now())
    fire(in_sandbox, state="pending", fired_at=None)
    assert done(as_owner) == set()
    fire(in_sandbox)
    assert done(as_owner) == {"credits"}


def test_the_email_is_read_once_its_page_was_viewed(as_owner, in_sandbox):
    alert = fire(in_sandbox)
    assert steps(as_owner)["email"].url == ""
    email = write_email(alert)
    url = steps(as_owner)["email"].url
    assert url == f"/w/example-works/alerts/emails/{email.pk}/"
    assert as_owner.get(url).status_code == 200
    assert done(as_owner) == {"credits", "email"}


def test_the_sample_is_recognized_as_a_401_and_other_texts_do_not_count(as_owner, in_sandbox):
    as_owner.post("/w/example-works/troubleshoot/", {"text": "429"})
    assert done(as_owner) == set()
    sample = steps(as_owner)["error"].sample
    answer = as_owner.post("/w/example-works/troubleshoot/", {"text": sample}, follow=True)
    assert "401" in answer.content.decode()
    assert done(as_owner) == {"error"}


# --- what a real workspace needs ------------------------------------------------------------------------------------


@pytest.fixture
def emails_in_files(settings):
    settings.EMAIL_BACKEND = "config.mail.EmlFileBackend"


def test_a_real_workspace_says_what_is_missing(as_owner, workspace, emails_in_files):
    assert list(steps(as_owner)) == ["api-key", "session", "email", "colleague", "alerts"]
    assert done(as_owner) == {"api-key"}
    page = as_owner.get(OVERVIEW).content.decode()
    assert "Set EMAIL_URL and restart the console." in page


def test_what_is_there_is_done_and_when_nothing_is_missing_it_is_gone(as_owner, workspace, viewer, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    clerk = {"kind": "clerk", "session_id": "sess_1", "frontend_api_url": "https://clerk.cleanlist.ai"}
    ManagementSession.objects.create(workspace=workspace, **clerk)
    assert done(as_owner) == {"api-key", "session", "colleague"}
    rule = {"name": "Low", "kind": "balance_below", "threshold": 1, "recovery": 2}
    Rule.objects.create(workspace=workspace, to_owners=False, **rule)
    assert "alerts" not in done(as_owner)
    Rule.objects.create(workspace=workspace, **rule)
    assert "alerts" in done(as_owner)
    email = write_email(fire(workspace))
    assert "email" not in done(as_owner)
    Notification.objects.filter(pk=email.pk).update(state="sent", answer="Written to a file: before there was a server")
    assert "email" not in done(as_owner)
    Notification.objects.filter(pk=email.pk).update(answer="250 2.0.0 queued")
    assert checklist(as_owner) is None


def test_emails_in_files_are_no_mail_server(as_owner, workspace, emails_in_files):
    Notification.objects.filter(pk=write_email(fire(workspace)).pk).update(state="sent")
    assert "email" not in done(as_owner)


@pytest.mark.parametrize(("role", "expected"), [("operator", ["email"]), ("viewer", None)])
def test_who_cannot_set_it_up_is_not_asked_to(client, workspace, role, expected):
    user = person(role)
    Membership.objects.create(user=user, workspace=workspace, role=role)
    client.force_login(user)
    found = checklist(client)
    assert (found and [step.name for step in found.steps]) == expected


# --- dismissing it --------------------------------------------------------------------------------------------------


def test_it_is_dismissed_for_one_person_only(client, in_sandbox, owner, operator):
    client.force_login(owner)
    assert "Checklist dismissed" in client.post(FIRST_STEPS, follow=True).content.decode()
    assert checklist(client) is None
    client.force_login(operator)
    assert checklist(client).steps


def test_a_new_session_knows_that_it_was_dismissed(client, in_sandbox, owner):
    client.force_login(owner)
    client.post(FIRST_STEPS)
    client.logout()
    client.force_login(owner)
    assert checklist(client) is None
    assert client.post(FIRST_STEPS, {"show": "1"}).url == f"{OVERVIEW}#first-steps"
    assert checklist(client).done == 0


def queries(client):
    with CaptureQueriesContext(connection) as captured:
        client.get(OVERVIEW)
    return [query["sql"] for query in captured]


def test_it_costs_four_queries_and_dismissed_none(as_owner, in_sandbox):
    fail_a_webhook(in_sandbox)
    write_email(fire(in_sandbox))
    as_owner.get(OVERVIEW)
    shown = len(queries(as_owner))
    as_owner.post(FIRST_STEPS)
    as_owner.get(OVERVIEW)  # shows the message
    hidden = queries(as_owner)
    assert shown - len(hidden) == 4
    assert not [sql for sql in hidden if "milestone" in sql]


# --- the sandbox itself ---------------------------------------------------------------------------------------------


@pytest.fixture
def connected(sandbox, workspace, settings):
    settings.SANDBOX_DIR, settings.SANDBOX_PORT = sandbox.data_dir, sandbox.port
    workspace.base_url = sandbox.base_url
    workspace.organization_id = sandbox.credentials()["organization_id"]
    workspace.save()
    return workspace


def balance(sandbox):
    return sandbox.control("state", method="GET")["organizations"][0]["credits"]


@pytest.mark.parametrize(("to", "credits_"), [("none", 0), ("full", 10_000)])
def test_operators_set_the_balance_of_the_sandbox_on_record(client, connected, sandbox, operator, to, credits_):
    client.force_login(operator)
    answer = client.post(CREDITS, {"to": to}, follow=True)
    assert f"The sandbox&#x27;s balance is {credits_:,}." in answer.content.decode()
    assert balance(sandbox) == credits_
    event = AuditEvent.objects.get(action=Action.SANDBOX_CREDITS_SET)
    assert (event.outcome, event.details, event.actor) == ("succeeded", {"credits": credits_}, operator)


def test_owners_reset_the_demo_on_record_after_they_read_what_it_does(client, as_owner, connected, sandbox, operator):
    sandbox.control("credits", {"organization_id": connected.organization_id, "credits": 7})
    page = as_owner.get(RESET).content.decode()
    assert "Keys created since then are revoked" in page
    assert "The balance becomes 10,000 credits" in page
    assert "Top up to 10,000 credits" in page
    assert balance(sandbox) == 7
    answer = as_owner.post(RESET, follow=True)
    assert balance(sandbox) == 10_000, answer.content.decode()
    assert "The demo data was reset." in answer.content.decode()
    assert AuditEvent.objects.get(action=Action.SANDBOX_RESET).outcome == "succeeded"
    client.force_login(operator)
    assert client.post(RESET).status_code == 403


def test_the_balance_after_a_reset_is_the_one_that_is_asked_for(sandbox):
    known = sandbox.credentials()["organization_id"]
    assert sandbox.control("reset", {"organization_id": known, "credits": 1234.5})["credits"] == 1234.5
    assert balance(sandbox) == 1234.5


def test_viewers_cannot_and_other_balances_do_not_exist(client, as_owner, connected, viewer):
    assert as_owner.post(CREDITS, {"to": "1000000"}).status_code == 400
    client.force_login(viewer)
    assert client.post(CREDITS, {"to": "none"}).status_code == 403
    assert not AuditEvent.objects.filter(action=Action.SANDBOX_CREDITS_SET).exists()


@pytest.mark.parametrize(
    "base_url",
    ["https://api.cleanlist.ai", "http://127.0.0.1:7", "http://127.0.0.2:{port}", "http://example.com:{port}", "x:y"],
)
def test_no_other_workspace_is_called_a_sandbox_or_leads_to_it(as_owner, connected, sandbox, base_url):
    before = balance(sandbox)
    connected.base_url = base_url.format(port=sandbox.port)
    connected.save()
    assert "sandbox-menu" not in as_owner.get("/w/example-works/audit/").content.decode()
    answer = as_owner.post(CREDITS, {"to": "none"}, follow=True)
    assert "not connected to the sandbox" in answer.content.decode()
    assert balance(sandbox) == before


def test_a_sandbox_that_does_not_run_is_said_and_recorded(as_owner, in_sandbox):
    answer = as_owner.post(CREDITS, {"to": "none"}, follow=True)
    assert "The sandbox does not respond" in answer.content.decode()
    assert AuditEvent.objects.get(action=Action.SANDBOX_CREDITS_SET).outcome == "failed"


def test_every_page_of_it_has_the_menu_with_its_documentation_for_browsers_on_this_machine(client, in_sandbox, viewer):
    client.force_login(viewer)
    page = client.get("/w/example-works/audit/", headers={"host": "localhost:8000"}).content.decode()
    assert "http://127.0.0.1:9/docs" in page
    assert "Let the credits run out" not in page
    assert "/docs" not in client.get("/w/example-works/audit/").content.decode()


def test_the_control_token_is_on_no_page(as_owner, connected, sandbox):
    token = sandbox.credentials()["control_token"]
    assert token not in as_owner.get(OVERVIEW).content.decode()
    assert token not in as_owner.post(CREDITS, {"to": "full"}, follow=True).content.decode()
