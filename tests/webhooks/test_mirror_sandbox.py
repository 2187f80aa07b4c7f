"""Against the real sandbox: every receiver's failure gets its reason, and workflows are followed one by one."""

import json

import pytest

from cleanlist import Secret
from core.encryption import EncryptedValue
from tests.keys.conftest import log_request, make_key
from tests.sandbox.engine.conftest import certificate  # noqa: F401 - a fixture
from tests.wait import wait_until
from tests.webhooks.receivers import all_receivers, quick_sandbox
from webhooks import tracked_workflows
from webhooks.models import Delivery, Workflow
from webhooks.reasons import reason_named
from workspaces.models import Action, AuditEvent, Poll
from workspaces.polling import engine
from workspaces.services.polling import refresh

REASONS = {
    "works": ("delivered", "", 1),
    "broken": ("failed", "server_error", 5),
    "missing": ("failed", "client_error", 5),
    "moved": ("failed", "redirect", 5),
    "hangs": ("failed", "timeout", 5),
    "hangs_up": ("failed", "closed", 5),
    "wrong_certificate": ("failed", "tls", 5),
    "nameless": ("failed", "dns", 5),
    "closed_port": ("failed", "refused", 5),
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    with quick_sandbox(tmp_path_factory.mktemp("webhooks-sandbox") / "data") as process:
        yield process


@pytest.fixture(scope="module")
def sent(upstream, certificate):  # noqa: F811
    """One workflow to each receiver, by the receiver's name; done once the slowest has failed five times."""
    client = upstream.client()
    with all_receivers(certificate) as urls:
        found = {name: submit(client, url) for name, url in urls.items()}

        def finished():
            rows = client.get("/api/v1/public/webhooks/deliveries").json()["deliveries"]
            return sum(row["status"] == "success" or row["attempt_number"] == 5 for row in rows) >= len(urls)

        wait_until(finished, 40)
        yield {name: (workflow_id, urls[name]) for name, workflow_id in found.items()}


def submit(client, url):
    body = {
        "enrichment_type": "partial",
        "contacts": [{"linkedin_url": "https://www.linkedin.com/in/contact-0042"}],
        "webhook_url": url,
    }
    return client.post("/api/v1/public/enrich/bulk", json=body).raise_for_status().json()["workflow_id"]


@pytest.fixture
def connected(workspace, upstream, settings):
    known = upstream.credentials()
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, upstream.base_url]
    workspace.base_url, workspace.organization_id = known["base_url"], known["organization_id"]
    workspace.api_key = EncryptedValue.encrypt(Secret(known["api_key"]))
    workspace.save()
    yield workspace
    upstream.control("faults", method="DELETE")


@pytest.mark.parametrize("name", REASONS)
def test_every_receiver_gets_the_right_reason(connected, sent, name):
    workflow_id, url = sent[name]

    assert refresh(connected, tracked_workflows.DELIVERIES).ok

    delivery = Delivery.objects.get(workflow__workflow_id=workflow_id)
    assert (delivery.state, delivery.reason, delivery.attempts) == REASONS[name]
    assert (delivery.url, delivery.url.partition("//")[2].startswith(delivery.host)) == (url, True)


def test_every_row_of_the_page_shows_its_reason_and_leads_to_what_helps(connected, sent, client, viewer):
    refresh(connected, tracked_workflows.DELIVERIES)
    client.force_login(viewer)
    text = client.get(f"/w/{connected.slug}/webhooks/").content.decode()

    for name, (workflow_id, _) in sent.items():
        state, reason, _ = REASONS[name]
        before, _, after = text.partition(f'title="{workflow_id}"')
        row = before.rpartition("<tr")[2] + after.partition("</tr>")[0]
        assert state.capitalize() in row
        assert not reason or reason_named(reason).label in row
        page = client.get(f"/w/{connected.slug}/webhooks/{workflow_id}/").content.decode().replace("&#x27;", "'")
        assert not reason or reason_named(reason).fix in page
        assert "Result available" in page or name == "works"


def test_a_result_is_fetched_masked_shown_on_demand_and_downloaded_with_a_trace(connected, sent, client, operator):
    workflow, _ = tracked_workflows.look_up(connected, sent["broken"][0])
    client.force_login(operator)
    url = f"/w/{connected.slug}/webhooks/{workflow.workflow_id}/result/"

    masked = client.post(url, headers={"HX-Request": "true"})
    (contact,) = masked.context["result"].contacts
    assert contact.full_name.startswith("Contact ")
    assert contact.full_name not in masked.content.decode()
    assert contact.primary_email not in masked.content.decode() or not contact.primary_email
    assert "C•••" in masked.content.decode()
    assert not AuditEvent.objects.filter(action=Action.RESULTS_REVEALED).exists()

    shown = client.post(url, {"reveal": "1"})
    assert contact.full_name in shown.content.decode()
    assert AuditEvent.objects.get(action=Action.RESULTS_REVEALED).details == {"contacts": 1}

    body = json.loads(b"".join(client.post(f"{url}file/", {"format": "json"}).streaming_content))
    assert (body["event"], body["workflow_id"]) == ("enrichment.completed", workflow.workflow_id)
    lines = b"".join(client.post(f"{url}file/", {"format": "csv"}).streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert contact.full_name in lines[1]
    events = AuditEvent.objects.filter(action=Action.RESULTS_EXPORTED).order_by("pk")
    assert [event.details["format"] for event in events] == ["json", "csv"]
    for field in Workflow._meta.fields:
        assert "Contact " not in str(getattr(Workflow.objects.get(), field.attname))


def test_upstreams_refusal_of_a_result_is_shown_in_its_words(connected, sent, upstream, client, operator):
    workflow, _ = tracked_workflows.look_up(connected, sent["broken"][0])
    client.force_login(operator)
    url = f"/w/{connected.slug}/webhooks/{workflow.workflow_id}/result/"
    fault = {"kind": "status", "status": 503, "path": "/api/v1/public/enrich/status", "times": 2}
    upstream.control("faults", fault)

    text = client.post(url).content.decode()
    answer = client.post(f"{url}file/", {"format": "csv"}, follow=True)

    assert "Try again" in text
    assert "Contact data" not in text
    assert "fetch the result" in answer.content.decode()
    assert not AuditEvent.objects.filter(action=Action.RESULTS_EXPORTED).exists()


def test_every_workflow_is_asked_for_its_state_and_cost_but_not_for_people(connected, sent):
    refresh(connected, tracked_workflows.DELIVERIES)
    polls = connected.polls.filter(resource=tracked_workflows.STATUS)
    assert {poll.subject for poll in polls} == {workflow_id for workflow_id, _ in sent.values()}

    engine.run(polls.filter(subject=sent["broken"][0]))

    workflow = Workflow.objects.get(workflow_id=sent["broken"][0])
    assert (workflow.status, workflow.summary["total"], workflow.completed_at is not None) == ("completed", 1, True)
    assert workflow.credits_charged == workflow.summary["emails_found"]
    assert not polls.filter(subject=workflow.workflow_id).exists()
    assert "contact" not in str([getattr(workflow, field.attname) for field in Workflow._meta.fields]).lower()


def test_without_a_list_of_all_the_console_says_so_and_follows_what_is_looked_up(connected, sent, upstream):
    read_all_refused(connected, upstream)
    assert tracked_workflows.wants_workflow_ids(connected)
    assert "one workflow at a time" in tracked_workflows.visibility_notice(connected)

    workflow, result = tracked_workflows.look_up(connected, sent["missing"][0])

    assert result.ok
    assert workflow.deliveries.get().reason == "client_error"
    assert workflow.summary["total"] == 1
    assert Poll.objects.get(resource=tracked_workflows.DELIVERIES).interval_seconds == 120


def read_all_refused(workspace, upstream):
    """Read the list at an upstream that wants an id."""
    fault = {"kind": "status", "status": 400, "path": "/api/v1/public/webhooks/deliveries", "times": 1}
    upstream.control("faults", fault)
    assert refresh(workspace, tracked_workflows.DELIVERIES).ok
    assert not Delivery.objects.exists()


def test_what_the_request_log_names_is_followed(connected, sent, upstream):
    key = make_key(connected)
    for name in (sent["moved"][0], ".."):
        log_request(key, path=f"/api/v1/public/enrichment/status/{name}")
    read_all_refused(connected, upstream)
    polls = connected.polls.filter(resource=tracked_workflows.WORKFLOW_DELIVERIES)

    engine.run(polls)

    assert Delivery.objects.get().reason == "redirect"
    assert [poll.subject for poll in polls] == [sent["moved"][0]]  # failed a moment ago: looked at once more


def test_nonsense_is_no_workflow_id(connected):
    with pytest.raises(ValueError, match="isn't a workflow ID"):
        tracked_workflows.look_up(connected, "../../keys")


def test_an_unknown_workflow_is_looked_for_a_while(connected, sent):
    workflow, result = tracked_workflows.look_up(connected, "public_bulk_unknown")

    assert result.ok
    assert (workflow.deliveries.count(), workflow.status_gone) == (0, False)
    assert connected.polls.filter(subject=workflow.workflow_id).count() == 2


def test_an_enrichment_that_the_request_log_names_is_asked_for_its_cost(connected, upstream):
    person = {"lead_list_id": "DEFAULT", "linkedin_url": "https://www.linkedin.com/in/contact-0042"}
    client = upstream.client()
    started = client.post("/api/v1/public/enrichment/person", json=person | {"enrichment_type": "full"}).json()
    log_request(make_key(connected), path=f"/api/v1/public/enrichment/status/{started['workflow_id']}")
    refresh(connected, tracked_workflows.DELIVERIES)
    polls = connected.polls.filter(resource=tracked_workflows.NEWER_STATUS)
    assert [poll.subject for poll in polls] == [started["workflow_id"]]

    wait_until(lambda: client.get(started["poll_url"]).json()["status"] == "completed")
    engine.run(polls.all())

    assert not polls.all().exists()
    workflow = Workflow.objects.get(workflow_id=started["workflow_id"])
    assert (workflow.summary["total"], workflow.credits_reserved, workflow.enrichment_type) == (1, 11, "full")
    assert 0 <= workflow.credits_charged <= 11
    assert not connected.polls.filter(resource=tracked_workflows.STATUS, subject=workflow.workflow_id).exists()
