"""Every symptom of the two documents that the API can show, made for real at the sandbox, pasted, and explained."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from keys.models import ApiKey, LoggedRequest
from keys.services import revoke_keys
from tests.wait import wait_until
from webhooks.models import Delivery, Workflow
from workspaces.audit.events import Actor
from workspaces.models import Action, AuditEvent, Poll
from workspaces.services.polling import refresh

from .conftest import words

BULK = "/api/v1/public/enrich/bulk"
CONTACT = {"linkedin_url": "https://www.linkedin.com/in/contact-0042"}


@pytest.fixture
def api(sandbox):
    return sandbox.client()


def raw(answer):
    """An answer as ``curl -i`` shows it."""
    lines = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}", *(f"{k}: {v}" for k, v in answer.headers.items())]
    return "\r\n".join(lines) + "\r\n\r\n" + answer.text


def organization(sandbox, **change):
    return {"organization_id": sandbox.credentials()["organization_id"], **change}


def test_401_a_key_that_was_revoked_here_says_who_did_it_and_when(person, sandbox, operator):
    with sandbox.session() as session:
        secret = session.post("/api/v1/api-keys", json={"name": "Old server"}).json()["api_key"]
    person.check("topic=key_limit")  # reads the list
    key = ApiKey.objects.get(name="Old server")
    revoke_keys(person.workspace, Actor(operator), [key])
    refused = sandbox.client(secret).get("/api/v1/public/whoami")

    query = person.paste(raw(refused))
    page = person.check(f"{query}&key={key.key_id}")

    assert "topic=unauthorized&heard=error&status=401&code=invalid_token" in query
    assert "“Old server” is no longer active: revoked" in page
    assert f"According to the audit trail, {operator.email} revoked it on" in page
    assert "Create a new key and replace the old one" in page
    assert secret not in page


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("-H 'X-API-Key: {key}'", "The key is in X-API-Key, which Cleanlist doesn't read"),
        ("-u {key}:", "The request uses basic auth"),
        ("-H 'Authorization: Basic {key}'", "The request uses basic auth"),
        ("-H 'Authorization: {key}'", "The word Bearer is missing"),
        ("-H 'Authorization: Bearer{key}'", "There is no space between Bearer and the key"),
        ("-H 'Authorization: Bearer \"{key}\"'", "There are quotes around the key"),
        ("-H 'Authorization: Bearer {first} {rest}'", "There is a space or a line break in the key"),
        ("-H 'Authorization: Bearer {first}'", "The key is incomplete"),
        ("-H 'Authorization: Bearer clext_0123456789abcdef'", "This is a browser extension key"),
        ("-H 'Authorization: Bearer sk_live_0123456789abcdef'", "The key doesn't start with clapi_"),
        ("-H 'Authorization: Bearer $CLEANLIST_API_KEY'", "The variable wasn't expanded"),
        ("-H 'Authorization: Bearer clapi_your_api_key'", "A placeholder is in place of the key"),
        ("-H 'Authorization: Bearer '", "Nothing follows the word Bearer"),
        ("", "The request has no Authorization header"),
    ],
)
def test_401_a_header_of_the_wrong_form_is_told_from_the_command(person, sandbox, command, cause):
    key = sandbox.credentials()["api_key"]
    typed = command.format(key=key, first=key[:30], rest=key[30:])

    query = person.paste(f"curl {sandbox.base_url}/api/v1/public/credits/balance {typed}")
    page = person.check(query)

    assert key not in query + page
    assert cause in page
    assert "Authorization: Bearer clapi_…" in page
    assert "topic=unauthorized" in query


def test_a_good_header_is_called_good(person, sandbox):
    secret = sandbox.credentials()["api_key"]
    page = person.check(person.paste(f'curl -X POST {sandbox.base_url}{BULK} -H "Authorization: Bearer {secret}"'))
    assert "The header format is correct" in page
    assert "Cleanlist responds and accepts the console's key" in page
    assert "The checks that could run found no problem. Not everything was checked." in page  # not which key it is


def test_a_request_without_a_mistake_is_accused_of_none(person, sandbox):
    secret = sandbox.credentials()["api_key"]
    query = person.paste(f'curl -H "Authorization: Bearer {secret}" {sandbox.base_url}/api/v1/public/credits/balance')
    page = person.check(query)
    assert "No problem found in this request" in page
    assert "Nothing is wrong with the header" in page
    assert "Correct the header" not in page


def test_402_says_what_is_missing_and_that_trying_again_is_safe(person, sandbox, api):
    sandbox.control("credits", organization(sandbox, credits=5))
    refused = api.post(BULK, json={"enrichment_type": "full", "contacts": [CONTACT] * 3})

    page = person.check(person.paste(raw(refused)) + "&contacts=3&type=full")

    assert refused.status_code == 402
    assert "28 credits are missing for this request" in page
    assert "Top up in the portal under Settings" in page
    assert "Retrying the request is safe" in page


def test_insufficient_credits_of_the_newer_surface_is_the_same_topic(person, sandbox, api):
    sandbox.control("credits", organization(sandbox, credits=0))
    body = {"lead_list_id": "DEFAULT", "enrichment_type": "full", "linkedin_url": CONTACT["linkedin_url"]}
    refused = api.post("/api/v1/public/enrichment/person", json=body)

    query = person.paste(refused.text)

    assert refused.json()["error"]["code"] == "insufficient_credits"
    assert "topic=credits" in query
    assert "The organization is out of credits" in person.check(query)


def test_422_names_the_contact(person, api):
    refused = api.post(BULK, json={"contacts": [CONTACT, {"first_name": "Nobody"}]})
    page = person.check(person.paste(refused.text))
    assert refused.status_code == 422
    assert "contacts[1]" in page
    assert "Each contact needs linkedin_url, or first_name" in page


def test_more_than_250_contacts_are_to_be_split(person, api):
    refused = api.post(BULK, json={"contacts": [CONTACT] * 251})
    query = person.paste(raw(refused))
    assert "topic=too_many" in query
    page = person.check(f"{query}&contacts=600")
    assert "It has 600 contacts; the limit is 250 per request" in page
    assert "Split it into 3 batches" in page


def test_what_upstream_said_of_a_body_is_not_outshone_by_refusals_of_another_hour(person, sandbox, api):
    key = ApiKey.objects.get(last4=sandbox.credentials()["api_key"][-4:])
    sandbox.control("requests", {"key_id": key.upstream_id, "count": 4, "status_code": 429})
    refresh(person.workspace, "requests", subject=key.upstream_id)
    refused = api.post(BULK, json={"contacts": [CONTACT] * 251})
    page = person.check(person.paste(raw(refused)))
    assert "A bulk request can have at most 250 contacts" in page
    assert "rate limited (429)" not in page


def test_a_pasted_body_is_judged_at_once_and_is_in_no_address(person, api):
    contacts = [CONTACT] * 260
    contacts[7] = {"first_name": "Nobody"}
    page = words(person.http.post(person.url, {"text": json.dumps({"contacts": contacts, "enrichment_type": "full"})}))
    assert "You pasted a request body" in page
    assert "contacts[7]" in page
    assert "260 contacts" in page
    state = re.search(r'hx-post="[^"]*/checks/balance/\?([^"]*)"', page)[1].replace("&amp;", "&")
    assert state == "topic=shape&heard=body&contacts=260&type=full&so_far=failed"
    assert "2,860 credits" in person.check(state)


def test_a_valid_body_that_only_lacks_credits_is_called_valid_and_leads_to_402(person, sandbox):
    sandbox.control("credits", organization(sandbox, credits=5))
    page = words(
        person.http.post(person.url, {"text": json.dumps({"contacts": [CONTACT] * 3, "enrichment_type": "full"})})
    )
    assert "The request body is valid" in page
    assert "returns 402 if the balance doesn't cover it" in page
    assert "422" not in heads_of(page)
    state = re.search(r'hx-post="[^"]*/checks/balance/\?([^"]*)"', page)[1].replace("&amp;", "&")
    url = reverse("troubleshoot_check", args=[person.workspace.slug, "balance"])
    answer = words(person.http.post(f"{url}?{state}"))
    assert "28 credits are missing for this request" in answer
    assert "Cleanlist would return 402." in answer


def test_a_body_that_would_be_refused_is_not_said_to_have_been(person):
    page = words(person.http.post(person.url, {"text": json.dumps({"contacts": [CONTACT] * 251})}))
    assert "The API would return 400 for this body" in page
    assert "422" not in heads_of(page)


def heads_of(page):
    """Return the headings of ``page`` and what it has understood."""
    return " ".join(
        [*re.findall(r"<h[12][^>]*>(.*?)</h[12]>", page), page.partition("understood-head")[2].partition("<details")[0]]
    )


def test_a_command_with_a_body_is_judged_by_both(person, sandbox):
    secret = sandbox.credentials()["api_key"]
    command = f"curl {sandbox.base_url}{BULK} -H 'Authorization: Bearer {secret}' -d '{json.dumps({'contacts': [{}]})}'"
    page = words(person.http.post(person.url, {"text": command}))
    assert "contacts[0]" in page
    assert secret not in page


def test_an_empty_enrichment_is_explained_from_its_status(person, api, sandbox):
    contacts = [{"linkedin_url": f"https://www.linkedin.com/in/contact-{number}"} for number in ("0019", "0016")]
    workflow = api.post(BULK, json={"contacts": contacts}).json()["workflow_id"]
    running = person.check(person.paste(f"it came back empty: {workflow}"))
    wait_until(lambda: status_of(api, workflow)["status"] != "processing")

    page = person.check(f"topic=empty&workflow={workflow}")

    assert "Still running" in running
    assert "No provider found verified data for 1 of 2 contacts" in page
    assert "You used partial, which looks for email only. Try full" in page
    assert "Try another identifier" in page
    assert "1 address is “risky”: risky addresses often work" in page
    assert "Empty results are free" in page
    assert "contact-0016@" not in page


def status_of(api, workflow):
    return api.get("/api/v1/public/enrich/status", params={"workflow_id": workflow}).json()


def test_an_unknown_workflow_is_called_unknown(person):
    page = person.check(person.paste("public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a"))
    assert "Workflow not found in Cleanlist" in page


def test_a_pasted_workflow_id_is_answered_with_its_status_and_claims_no_symptom(person, api):
    contacts = [{"linkedin_url": f"https://www.linkedin.com/in/contact-{number}"} for number in ("0019", "0016")]
    workflow = api.post(BULK, json={"contacts": contacts}).json()["workflow_id"]
    wait_until(lambda: status_of(api, workflow)["status"] != "processing")

    query = person.paste(f" {workflow} ")
    page = person.check(query)

    assert query == f"topic=workflow&heard=workflow&workflow={workflow}"
    assert f"<h1>Workflow {workflow}</h1>" in person.look(query)
    assert "<h2>No webhook sent · 1 of 2 contacts found · 1 credit</h2>" in page
    assert "completed, " in page
    assert "<h1>The webhook never arrived" not in page


def test_the_verdict_on_a_workflow_begins_with_its_webhook_whichever_check_ran_last(person, api):
    delivered = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    contacts = [{"linkedin_url": "https://www.linkedin.com/in/contact-0019"}]
    workflow_id = api.post(BULK, json={"contacts": contacts}).json()["workflow_id"]
    workflow = Workflow.objects.create(workspace=person.workspace, workflow_id=workflow_id, first_seen_at=delivered)
    Delivery.objects.create(
        workspace=person.workspace, workflow=workflow, url="https://example.com/hook", host="example.com",
        state="delivered", delivered_at=delivered, first_attempt_at=delivered, last_attempt_at=delivered,
    )  # fmt: skip
    url = reverse("troubleshoot_check", args=[person.workspace.slug, "enrichment"])

    page = words(person.http.post(f"{url}?topic=workflow&workflow={workflow.workflow_id}&so_far=failed"))

    assert "<h2>Webhook delivered 27 Nov 2026, 14:30" in page


@pytest.mark.parametrize(
    ("before", "topic"),
    [("", "workflow"), ("no webhook for ", "no_webhook"), ("it never arrived: ", "no_webhook"), ("empty: ", "empty")],
)
def test_words_around_a_workflow_id_name_the_symptom(person, before, topic):
    query = person.paste(f"{before}public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a")
    assert query.startswith(f"topic={topic}&")


def test_a_workflow_without_a_webhook_says_so_and_how_to_read_its_result(person, api):
    workflow = api.post(BULK, json={"contacts": [CONTACT]}).json()["workflow_id"]
    wait_until(lambda: status_of(api, workflow)["status"] != "processing")
    page = person.check(f"topic=no_webhook&workflow={workflow}")
    assert "No webhook was sent for this workflow" in page
    event = AuditEvent.objects.get(action=Action.WORKFLOW_FOLLOWED)
    assert (event.actor_email, event.subject_id) == ("viewer@example.test", workflow)
    assert f"enrich/status?workflow_id={workflow}" in page


def test_of_a_workflow_that_does_not_exist_no_result_is_promised(person):
    for topic in ("no_webhook", "workflow"):
        page = person.check(f"topic={topic}&workflow=public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a")
        assert "nothing to deliver" in page
        assert "workflow's result is still available" not in page
        assert "No webhook was sent" not in page


def refused_before(sandbox, key):
    """How many 429s the log of ``key`` shows already: other tests use this sandbox too."""
    with sandbox.session() as session:
        rows = session.get(f"/api/v1/api-keys/{key.upstream_id}/requests", params={"limit": 500}).json()
    return sum(row["status_code"] == 429 for row in rows)


def test_429_counts_the_refusals_of_each_key_and_gives_the_recipe(person, sandbox, api):
    sandbox.control("faults", {"kind": "status", "status": 429, "retry_after": 12, "path": "/api/v1/public/usage"})
    refused = api.get("/api/v1/public/usage")
    key = ApiKey.objects.get(last4=sandbox.credentials()["api_key"][-4:])
    facts = {"key_id": key.upstream_id, "count": 40, "path": "/api/v1/public/usage"}
    refusals = refused_before(sandbox, key) + 4
    sandbox.control("requests", facts)
    sandbox.control("requests", facts | {"count": 4, "status_code": 429})

    page = person.check(f"{person.paste(raw(refused))}&key={key.key_id}")

    assert f"{refusals} requests were rate limited (429) in the last 24 hours" in page
    assert re.search(r"That key, in the minute before</dt><dd>\d{2,} requests; the limit is 30", page)
    assert "44 requests; the limit is 60" in page
    assert "Wait as long as Retry-After says" in page
    assert "time.sleep(wait + random.random())" in page


def test_a_log_that_was_never_read_is_no_proof_that_nothing_was_refused(person):
    Poll.objects.filter(resource="requests").delete()
    LoggedRequest.objects.all().delete()
    assert "The request log hasn't been synced yet" in person.check("topic=rate_limited")


def test_the_key_limit_counts_and_shows_which_keys_nothing_uses(person, sandbox):
    with sandbox.session() as session:
        refused = fill_up(session)
        page = person.check(person.paste(refused.text))
        for key in session.get("/api/v1/api-keys").json():
            if key["name"] == "One of ten":
                session.post(f"/api/v1/api-keys/{key['id']}/revoke").raise_for_status()
    assert "All 10 keys are in use" in page
    assert "Revoke an unused key" in page
    assert reverse("keys:list", args=[person.workspace.slug]) + "?status=unused" in page


def fill_up(session):
    """Create keys until one is refused, and return the refusal."""
    for _ in range(11):
        answer = session.post("/api/v1/api-keys", json={"name": "One of ten"})
        if answer.is_error:
            return answer
    raise AssertionError("no key was refused")


def test_403_compares_the_scopes(person, sandbox, api):
    sandbox.control("plan", organization(sandbox, scopes=["people:read", "credits:read"]))
    refused = api.post(BULK, json={"contacts": [CONTACT]})

    query = person.paste(refused.text)
    page = person.check(query)

    assert "scope=enrich%3Awrite" in query
    assert "Missing scope enrich:write" in page
    assert "people:read, credits:read" in page
    assert "use the key of someone who has it" in page
    assert "POST enrich/bulk, POST enrichment/person" in page  # what else fails


def test_403_of_the_plan_is_told_from_a_missing_scope(person, sandbox):
    sandbox.control("plan", organization(sandbox, features=[]))
    with sandbox.session() as session:
        refused = session.post("/api/v1/api-keys", json={"name": "x"})
    page = person.check(person.paste(refused.text))
    assert refused.status_code == 403
    assert "Your plan lacks the feature API_ACCESS" in page
    assert "Upgrade the plan in the portal under Settings" in page


@pytest.mark.parametrize("kind", ["html", "drop", "empty"])
def test_an_upstream_that_fails_is_called_that_and_not_a_bad_key(person, sandbox, kind):
    sandbox.control("faults", {"kind": kind, "path": "/api/v1/public/auth/validate-key"})
    page = person.check("topic=unauthorized")
    assert "couldn't be checked" in page
    assert "is no longer active:" not in page


@pytest.mark.parametrize(
    ("text", "topic", "help_"),
    [
        ("my smart columns are stuck on pending", "smart_columns", "reload the page"),
        ("enrichments don't show up in any lead list", "lead_list", "find DEFAULT"),
        ("the CRM push isn't working", "crm_push", "Check the field mapping"),
        ("I lost the secret of a key", "lost_secret", "Revoke the key, create a new one"),
    ],
)
def test_what_the_api_does_not_tell_is_guided_by_a_checklist(person, text, topic, help_):
    query = person.paste(text)
    assert query.startswith(f"topic={topic}&")
    assert help_ in person.look(query)
    assert "What support needs" in person.look(query)


def test_nothing_spends_credits(person, sandbox, api):
    before = api.get("/api/v1/public/credits/balance").json()
    for topic in ("unauthorized", "credits", "no_webhook", "rate_limited", "key_limit", "feature_gate"):
        person.check(f"topic={topic}&workflow=public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a&contacts=3&type=full")
    assert api.get("/api/v1/public/credits/balance").json() == before
