"""What people paste besides requests and errors of the API: settings, keys, statuses of workflows, receivers' logs."""

import json

import pytest

from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .paste_cases import KEY

REFUSED = '401 Unauthorized: {"detail":"Invalid API key"}'
WORKFLOW = "public_bulk_aa81"
NEW_KEY = json.dumps({"api_key": KEY, "created_at": "2026-11-01T00:00:00Z", "expires_at": None})
SUMMARY = {"total": 3, "successful": 0, "emails_found": 0, "phones_found": 0}


def case_of(text, workspace):
    return recognize(remove_secrets(text).text, workspace).case


def status(**changes):
    return json.dumps({"workflow_id": WORKFLOW, "status": "completed", "summary": SUMMARY, "results": [], **changes})


@pytest.mark.parametrize(
    "setting",
    [f"cleanlist.api-key={KEY}", f"cleanlist:\n  api-key: {KEY}", f'cleanlist:\n  api-key: "{KEY}"'],
)
def test_a_key_in_a_setting_is_in_no_header(setting, workspace):
    case = case_of(f"{setting}\n2026-11-30 10:00:00 ERROR {REFUSED}", workspace)
    assert (case.topic, case.status, case.slips) == ("unauthorized", 401, ())


@pytest.mark.parametrize(
    "answer",
    [
        status(),
        status(summary={"total": 1}, results=[{"first_name": "Ada", "email": None, "phone": None}]),
        status(results=[{"first_name": "Ada", "email": "", "email_status": "unknown"}]),
    ],
)
def test_an_enrichment_that_found_nothing_is_one(answer, workspace):
    case = case_of(answer, workspace)
    assert (case.topic, case.workflow) == ("empty", WORKFLOW)


@pytest.mark.parametrize(
    "answer",
    [
        status(status="processing"),
        status(summary={**SUMMARY, "emails_found": 1}),
        status(results=[{"email": "a@b.test"}]),
        status(summary={"total": 3}),
        status(results=None),
    ],
)
def test_of_any_other_only_the_workflow_is_known(answer, workspace):
    case = case_of(answer, workspace)
    assert (case.topic, case.workflow) == ("workflow", WORKFLOW)


STORED = [
    f"""psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint "enrichments_workflow_id_key"
DETAIL:  Key (workflow_id)=({WORKFLOW}) already exists.
"POST /webhooks/cleanlist HTTP/1.1" 500 -""",
    f"""POST /hooks/cleanlist 500
IntegrityError: (1062, "Duplicate entry '{WORKFLOW}' for key 'enrichments.workflow_id'")""",
    f"POST /hooks/cleanlist 500\nUNIQUE constraint failed: enrichments.workflow_id {WORKFLOW}",
]


@pytest.mark.parametrize("log", STORED)
def test_what_is_stored_already_came_a_second_time(log, workspace):
    case = case_of(log, workspace)
    assert (case.topic, case.workflow) == ("twice", WORKFLOW)


def test_a_contact_that_is_stored_already_is_no_second_webhook(workspace):
    log = 'duplicate key value violates unique constraint "contacts_email_key"\n"POST /webhooks/in HTTP/1.1" 500 -'
    assert case_of(log, workspace).topic == "no_webhook"


@pytest.mark.parametrize("text", ["it says 401", "Zap stopped working, says 401", "Make said: 401"])
def test_what_something_says_is_a_status(text, workspace):
    assert case_of(text, workspace).status == 401


def test_nobody_says_that_a_key_alone_was_refused(person):
    page = person.look(person.paste(f"CLEANLIST_API_KEY={KEY}"))
    assert "This is an API key" in page
    assert "couldn't identify" not in page


def test_a_new_key_is_no_refusal(person):
    page = person.look(person.paste(NEW_KEY))
    assert "A new key was created. Cleanlist shows its secret only this once" in page
