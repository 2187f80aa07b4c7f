import datetime as dt
from decimal import Decimal

import pytest
from cleanlist_ai.models.single_enrichment_result_read import SingleEnrichmentResultRead
from cleanlist_ai.models.workflow_status_response import WorkflowStatusResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from sandbox.credits import ledger
from sandbox.credits.ledger import InsufficientCredits
from sandbox.db.lead_tables import LeadList
from sandbox.db.store import Store
from sandbox.db.tables import Delivery, Workflow
from sandbox.engine import advance_due_workflows
from sandbox.enrichment import contact_directory, workflows
from sandbox.enrichment.contact_directory import DirectoryContact
from sandbox.enrichment.workflows import RunTime, UrlRefused
from sandbox.lists import leads
from sandbox.webhooks.guarded_post import AllowedTargets

from .conftest import ORGANIZATION, submit

LATER = dt.timedelta(minutes=5)


def finish_all(store):
    with store.reading() as session:
        latest = session.scalar(select(func.max(Workflow.finish_at)))
    return advance_due_workflows(store, latest)


def balance(store):
    with store.reading() as session:
        return ledger.balance(session, ORGANIZATION)


def payload(store, workflow, of=workflows.status_payload):
    with store.reading() as session:
        return of(session, session.get(Workflow, workflow.id))


def test_an_enrichment_charges_for_results_and_returns_the_rest(funded):
    workflow = submit(funded, [42, 105, 8, 19, 99], "full")
    assert balance(funded) == 1000 - 55
    assert finish_all(funded) == 1
    assert balance(funded) == 1000 - 11 - 1 - 10
    shown = payload(funded, workflow)
    assert (shown["status"], shown["progress"], shown["credits_charged"]) == ("completed", 100, 22)
    assert shown["summary"] == {
        "total": 5,
        "successful": 4,
        "failed": 1,
        "emails_found": 2,
        "phones_found": 2,
    }


def test_unknown_contacts_have_empty_results_and_cost_nothing(funded):
    workflow = submit(funded, [contact_directory.CONTACTS + 7], "full")
    finish_all(funded)
    (result,) = payload(funded, workflow)["results"]
    assert (result["status"], result["primary_email"], result["personal_phone_numbers"]) == (
        "completed",
        None,
        [],
    )
    assert balance(funded) == 1000


def test_a_workflow_whose_contacts_all_fail_has_failed_and_is_free(funded):
    workflow = submit(funded, [99, 199], "full")
    finish_all(funded)
    assert payload(funded, workflow)["status"] == "failed"
    assert balance(funded) == 1000


def test_a_workflow_without_enough_credits_is_not_started(funded):
    with pytest.raises(InsufficientCredits) as refused:
        submit(funded, range(91), "full")
    assert refused.value.shortfall == 1
    with funded.reading() as session:
        assert session.scalar(select(func.count(Workflow.id))) == 0
    assert balance(funded) == 1000


def test_a_webhook_to_a_private_address_is_refused_before_credits_are_reserved(funded):
    with pytest.raises(UrlRefused, match="public"):
        submit(funded, [42], "partial", webhook_url="https://192.168.1.4/hook")
    assert balance(funded) == 1000
    submit(funded, [42], "partial", webhook_url="http://127.0.0.1:9/hook", targets=AllowedTargets(loopback=True))


def test_contacts_are_enriched_one_after_another(funded):
    workflow = submit(funded, range(10), "partial", run_time=RunTime(10))
    advance_due_workflows(funded, workflow.submitted_at + (workflow.finish_at - workflow.submitted_at) * 0.55)
    shown = payload(funded, workflow)
    assert (shown["status"], shown["processed"], len(shown["results"])) == ("processing", 5, 5)
    assert balance(funded) == 990


def test_advancing_twice_settles_once(funded):
    workflow = submit(funded, [42], "full")
    assert advance_due_workflows(funded, workflow.finish_at) == 1
    assert advance_due_workflows(funded, workflow.finish_at + LATER) == 0
    assert balance(funded) == 989


def test_a_workflow_interrupted_by_a_restart_finishes_after_it(funded):
    workflow = submit(funded, range(10), "partial", run_time=RunTime(10))
    advance_due_workflows(funded, workflow.submitted_at + (workflow.finish_at - workflow.submitted_at) * 0.5)
    funded.close()
    restarted = Store(funded.path)
    assert advance_due_workflows(restarted, workflow.finish_at + LATER) == 1
    assert payload(restarted, workflow)["progress"] == 100
    assert balance(restarted) == 1000 - 8
    restarted.close()


def test_results_are_added_to_the_list_named_default(funded):
    submit(funded, [42, 19], "partial")
    submit(funded, [1], "partial")
    finish_all(funded)
    with funded.reading() as session:
        (default,) = session.scalars(select(LeadList)).all()
        assert default.name == "DEFAULT"
        rows, _ = leads.page_of_leads(session, default.id, None, None)
    assert sorted(lead.contact["prospect"]["last_name"] for lead in rows) == ["0001", "0019", "0042"]


def test_a_webhook_is_queued_only_if_requested(funded):
    submit(funded, [42], "partial")
    asked = submit(funded, [42], "partial", webhook_url="https://hooks.example-3.test/")
    finish_all(funded)
    with funded.reading() as session:
        assert session.scalars(select(Delivery.workflow_id)).all() == [asked.id]


def test_both_payloads_can_be_read_for_one_task(funded):
    workflow = submit(funded, [42], "full")
    finish_all(funded)
    with funded.reading() as session:
        (task,) = session.get(Workflow, workflow.id).tasks
        shown = workflows.task_payload(task)
    assert (shown["task_id"], shown["status"], shown["progress"]) == (task.id, "completed", 100)
    assert shown["results"][0]["primary_email"] == "contact-0042@example-17.test"


def parse_with_sdk(shown):
    assert set(shown) <= set(WorkflowStatusResponse.model_fields), "the published schema allows no more"
    assert set(shown["result"] or {}) <= set(SingleEnrichmentResultRead.model_fields)
    return WorkflowStatusResponse.from_dict(shown)


@pytest.mark.parametrize(("number", "found"), [(42, True), (99, False), (contact_directory.CONTACTS, False)])
def test_the_newer_status_is_what_the_official_sdk_expects(funded, number, found):
    workflow = submit(funded, [number], "full", kind="person")
    running = parse_with_sdk(payload(funded, workflow, workflows.workflow_payload))
    assert (running.status, running.result, running.credits_charged) == ("running", None, None)
    finish_all(funded)
    done = parse_with_sdk(payload(funded, workflow, workflows.workflow_payload))
    assert bool(done.result.lead_id) is found
    assert (done.credits_charged, done.credits_refunded) == ((11, 0) if found else (0, 11))


orders = st.lists(
    st.tuples(st.sampled_from(contact_directory.ENRICHMENT_TYPES), st.lists(st.integers(0, 2_050), max_size=6)),
    max_size=6,
)


@given(orders)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_balance_falls_by_exactly_the_cost_of_the_results(funded, submitted):
    with funded.session() as session:
        ledger.set_balance(session, ORGANIZATION, Decimal(1000))
    for kind, numbers in submitted:
        submit(funded, numbers, kind)
    if submitted:
        finish_all(funded)
    found = sum(
        contact_directory.enrich_contact({"linkedin_url": DirectoryContact(number).linkedin_url}, kind).cost
        for kind, numbers in submitted
        for number in numbers
    )
    with funded.reading() as session:
        assert ledger.balance(session, ORGANIZATION) == ledger.sum_of_entries(session, ORGANIZATION) == 1000 - found


def test_a_long_list_is_caught_up_in_batches_that_let_others_write(funded):
    workflow = submit(funded, range(600), "none", kind="list")
    later = workflow.finish_at + LATER
    assert [advance_due_workflows(funded, later) for _ in range(4)] == [0, 0, 1, 0]
    assert payload(funded, workflow)["processed"] == 600
