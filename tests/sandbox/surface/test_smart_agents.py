"""Smart agents: quotes, deterministic answers, charges by row, and runs that wait."""

import pytest

from tests.sandbox.conftest import organization_id

from .conftest import wait_for


@pytest.fixture
def people(api):
    """A list of four people of a search, and a lead of which only the address is known."""
    list_id = api.new_list()
    page = api("POST", "/search/people", json={"filters": {"location_country": ["Austria"]}, "limit": 4})
    api("POST", f"/lead-lists/{list_id}/leads", json={"task_id": page["task_id"]})
    api.import_rows(list_id, "email\nsomebody@example.test\n")
    return list_id


def run(api, list_id, agent_type="company_intel", column_name="Answer", status=200, **body):
    quote = api.quote("run_smart_agent", list_id=list_id, agent_type=agent_type, extra={"column_name": column_name})
    body = {"list_id": list_id, "agent_type": agent_type, "column_name": column_name, **body}
    return api("POST", "/smart-agents/run", status, json={"quote_id": quote["quote_id"], **body})


def finished(api, run_id):
    return wait_for(
        lambda: api("GET", f"/smart-agents/{run_id}"), lambda body: body["status"] in {"completed", "failed"}
    )


@pytest.mark.parametrize(
    ("agent_type", "estimate", "charged"),
    [
        ("custom_ai", 5, 4),
        ("cold_intro_email", 15, 12),
        ("title_normalizer", 3, 2),
        ("company_intel", 5, 4),
        ("pain_point_hypothesis", 5, 4),
    ],
)
def test_an_agent_answers_each_lead_and_charges_what_it_answered(api, people, agent_type, estimate, charged):
    before = api.balance()
    started = run(api, people, agent_type, prompt="Which product do they sell?")
    run_id = started["smart_agent_task_id"]
    assert (started["status"], started["estimated_cost"]) == ("pending", estimate)
    assert (started["task_id"], started["smart_agent_task_ids"]) == (run_id, {agent_type: run_id})
    done = finished(api, run_id)
    assert (done["status"], done["progress"], done["succeeded"], done["failed"]) == ("completed", 100, 4, 1)
    assert [row["lead_id"] for row in done["results"]] == [lead["lead_id"] for lead in api.leads(people)]
    assert all(row["value"] for row in done["results"][:4])
    assert (done["results"][4]["value"], done["results"][4]["error"]) == (
        None,
        "The lead has neither a name nor a company.",
    )
    assert api.balance() == before - charged
    again = finished(api, run(api, people, agent_type, "Second", prompt="Which product do they sell?")["task_id"])
    assert [row["value"] for row in again["results"]] == [row["value"] for row in done["results"]]


def test_an_existing_column_is_kept_unless_overwritten(api, people):
    first = finished(api, run(api, people, "company_intel")["task_id"])
    before = api.balance()
    kept = finished(api, run(api, people, "title_normalizer")["task_id"])
    assert [row["value"] for row in kept["results"]] == [row["value"] for row in first["results"]]
    assert api.balance() == before
    changed = finished(api, run(api, people, "title_normalizer", overwrite=True)["task_id"])
    assert changed["results"][0]["value"] != first["results"][0]["value"]


def test_runs_are_listed_newest_first(api, people):
    runs = [run(api, people, column_name=name)["task_id"] for name in ("One", "Two")]
    listed = api("GET", f"/smart-agents?list_id={people}")
    assert [row["task_id"] for row in listed["runs"]] == runs[::-1]
    assert listed["total"] == 2
    assert api("GET", "/smart-agents?limit=1")["runs"][0]["task_id"] == runs[1]
    finished(api, runs[0])
    row = api("GET", f"/smart-agents?list_id={people}")["runs"][1]
    assert (row["column_name"], row["status"], row["processed"], row["failed"]) == ("One", "completed", 5, 1)
    for path in ("/smart-agents?list_id=none", "/smart-agents/none"):
        api.error("GET", path, 404, "not_found")


def test_rows_for_which_no_credits_are_left_fail_free_of_charge(sandbox, session, api, people):
    quote = api.quote("run_smart_agent", list_id=people, agent_type="cold_intro_email")["quote_id"]
    sandbox.control("credits", {"organization_id": organization_id(sandbox), "credits": 7})
    body = {"list_id": people, "agent_type": "cold_intro_email", "column_name": "Opener", "quote_id": quote}
    done = finished(api, api("POST", "/smart-agents/run", json=body)["task_id"])
    assert [row["error"] for row in done["results"]].count("Insufficient credits") == 2
    assert api.balance() == 1


def test_a_run_that_is_held_stays_pending_and_goes_on(sandbox, api, people):
    sandbox.control("smart-agents", {"held": True})
    try:
        run_id = run(api, people)["task_id"]
        assert sandbox.control("smart-agents", {"held": True})["open"] == 1
        waiting = api("GET", f"/smart-agents/{run_id}")
        assert (waiting["status"], waiting["progress"], waiting["results"]) == ("pending", 0, [])
    finally:
        sandbox.control("smart-agents", {"held": False})
    assert finished(api, run_id)["status"] == "completed"


def test_a_deleted_list_ends_its_runs_free_of_charge(sandbox, api, people):
    before = api.balance()
    sandbox.control("smart-agents", {"held": True})
    try:
        run_id = run(api, people)["task_id"]
        api("DELETE", f"/lead-lists/{people}")
        assert sandbox.control("smart-agents", {"held": True})["open"] == 0
    finally:
        sandbox.control("smart-agents", {"held": False})
    assert api.balance() == before
    assert "run" in api.error("GET", f"/smart-agents/{run_id}", 404, "not_found")["problem"]


def test_only_so_many_runs_are_open(sandbox, v2):
    list_id = v2.list_of([1])
    sandbox.control("smart-agents", {"held": True})
    try:
        for _ in range(50):
            run(v2, list_id)
        assert run(v2, list_id, status=429)["error"]["code"] == "too_many_runs"
    finally:
        v2("DELETE", f"/lead-lists/{list_id}")  # ends them, so that other tests can have runs
        sandbox.control("smart-agents", {"held": False})


def test_what_a_run_needs(v2):
    list_id = v2.list_of(range(3))
    body = {"list_id": list_id, "column_name": "A", "agent_type": "company_intel", "quote_id": "qte_v1_1_x"}
    path = "/smart-agents/run"
    v2.error("POST", path, 400, "validation_error", json={**body, "agent_type": "custom_ai"})
    v2.error("POST", path, 400, "validation_error", json={**body, "list_id": v2.new_list()})
    v2.error("POST", path, 404, "not_found", json={**body, "list_id": "none"})
    v2.error("POST", path, 400, "quote_invalid", json=body)
    for wrong in (
        {"column_name": ""},
        {"column_name": "x" * 101},
        {"column_name": "email"},
        {"column_name": "created_at"},
        {"max_rows": 0},
        {"max_rows": 10_001},
        {"agent_type": "x"},
    ):
        v2("POST", path, 422, json={**body, **wrong})
    other_column = v2.quote("run_smart_agent", list_id=list_id, agent_type="company_intel", extra={"column_name": "B"})
    v2.error("POST", path, 400, "quote_invalid", json={**body, "quote_id": other_column["quote_id"]})
    small = v2.quote("run_smart_agent", list_id=list_id, agent_type="company_intel", extra={"max_rows": 2})
    assert small["row_count"] == 2
    v2.error("POST", path, 400, "spend_cap_exceeded", json={**body, "quote_id": small["quote_id"]})
    started = v2("POST", path, json={**body, "max_rows": 2, "quote_id": small["quote_id"]})
    assert started["estimated_cost"] == 2


def test_all_leads_of_a_long_list_need_an_approval(v2):
    rows = "".join(f"a{number}@example.test\n" for number in range(501))
    list_id = v2.new_list()
    v2.import_rows(list_id, f"email\n{rows}")
    body = {"list_id": list_id, "agent_type": "company_intel", "column_name": "A", "lead_scope": "all"}
    v2.error("POST", "/smart-agents/run", 400, "approval_required", json={**body, "quote_id": "x"})
