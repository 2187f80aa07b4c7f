"""A pasted workflow id is answered about the workflow: state, result, cost; what isn't known is called unknown."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from cleanlist import EnrichmentStatus
from troubleshooting.checks.workflows import result_of_status
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets
from webhooks.models import Workflow

UUID = "6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a"
ID = f"public_bulk_{UUID}"
COUNTS = {"total": 4, "failed": 0, "emails_found": 3, "phones_found": 1}
NONE = COUNTS | {"emails_found": 0, "phones_found": 0}
RUNNING = {"status": "running", "summary": {"total": 4}, "enrichment_type": "full"}


def answer(row=None, **status):
    result = result_of_status(EnrichmentStatus(**{"status": "completed"} | status), row)
    return result, dict(result.facts)


@pytest.mark.parametrize(
    ("status", "cost", "headline"),
    [
        ({"summary": COUNTS, "credits_charged": 7}, "7 credits", "3 of 4 contacts found · 7 credits"),
        ({"summary": COUNTS}, "13 credits by the price list", "3 of 4 contacts found · 13 credits"),
        ({"summary": {"total": 4}}, "Unknown: Cleanlist reports neither", "Finished"),
        ({}, "Unknown: Cleanlist reports neither", "Finished"),
        ({"summary": NONE}, "0 credits", "0 of 4 contacts found · 0 credits"),
        (RUNNING | {"credits_reserved": 40, "credits_charged": 0}, "At most 40 credits", "Still running (running)"),
        (RUNNING, "At most 44", "Still running (running)"),
        ({"status": "running", "progress": 20}, "Unknown until it's finished", "Still running (20% done)"),
    ],
)  # fmt: skip
def test_the_cost_is_told_as_far_as_it_is_known(status, cost, headline):
    result, facts = answer(**status)
    assert facts["Cost"].startswith(cost)
    assert result.headline == headline


def test_what_the_console_knows_from_earlier_is_told_too():
    row = Workflow(credits_charged=Decimal("2.5"), enrichment_type="full")
    _, facts = answer(row, summary=COUNTS)
    assert (facts["Cost"], facts["Type"]) == ("2.5 credits", "full")


def test_what_is_not_reported_is_never_a_zero():
    result, facts = answer()
    assert result.state == "ok"
    assert {facts[name] for name in ("Type", "Contacts", "Email addresses", "Phone numbers", "Failed")} == {
        "not reported"
    }
    assert "0" not in result.text + result.title


@pytest.mark.parametrize("word", ["failed", "Cancelled", "ERROR", "expired"])
def test_an_enrichment_that_failed_is_not_called_empty(word):
    result, facts = answer(status=word)
    assert result.state == "failed"
    assert f"ended the enrichment as “{word}”" in result.text
    assert facts["Status"] == word


def test_when_it_was_submitted_and_finished_is_told():
    times = {"submitted_at": "2026-11-27T14:30:00Z", "completed_at": "2026-11-27T14:31:07Z"}
    _, facts = answer(summary=COUNTS, **times)
    assert facts["Submitted"] == "27 Nov 2026, 14:30:00"
    assert facts["Status"] == "completed, 27 Nov 2026, 14:31:07"


@pytest.fixture
def remembered(person):
    """A workflow of which the console was told, and which Cleanlist no longer has."""
    read = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    return Workflow.objects.create(
        workspace=person.workspace, workflow_id=ID, first_seen_at=timezone.now(), status="completed",
        completed_at=read, status_read_at=read, summary=COUNTS, credits_charged=13,
    )  # fmt: skip


@pytest.mark.parametrize("is_away", [False, True], ids=["gone", "unreachable"])
def test_what_cleanlist_does_not_say_now_is_told_from_the_mirror(person, sandbox, remembered, is_away):
    if is_away:
        sandbox.control("faults", {"kind": "status", "status": 503, "path": "/api/v1/public/enrich/status", "times": 9})
    page = person.check(person.paste(ID))
    assert "completed, 27 Nov 2026, 14:30:00" in page
    assert "13 credits" in page


def test_an_id_that_nobody_knows_is_called_unknown(person):
    page = person.check(person.paste(ID))
    assert "Workflow not found in Cleanlist" in page
    assert "Last known status" not in page
    assert ">Cost<" not in page


@pytest.mark.parametrize(
    "workflow",
    [ID, f"enrich-{UUID}", f"bulk-enrich-{UUID}", "run_6f3d2c1b0a9e4c8db7a65f4e"],
)
@pytest.mark.parametrize("text", ["{}", "GET /api/v2/enrichment/status/{} stays at running", '{{"workflow_id": "{}"}}'])
def test_an_id_of_any_kind_of_workflow_is_one(workspace, workflow, text):
    assert recognize(remove_secrets(text.format(workflow)).text, workspace).case.workflow == workflow
