"""Enrichment of people, companies, lists and what a search has shown: what it finds, costs and gives back."""

import pytest

from tests.sandbox.conftest import organization_id

PERSON = {"lead_list_id": "DEFAULT", "email": "contact-0042@example-17.test"}


def found_people(api, count=10):
    """Search people whose outcomes are the ten of the directory, in order."""
    page = api("POST", "/search/people", json={"filters": {"location_country": ["Germany"]}, "limit": 500})
    return page, page["results"][:count]


def test_a_person_of_a_search_is_found_by_id(api):
    _, people = found_people(api, 500)
    reliable = next(person for person in people if person["person_id"].endswith("1"))
    before = api.balance()
    body = {"lead_list_id": api.new_list(), "person_id": reliable["person_id"], "enrichment_type": "full"}
    accepted = api("POST", "/enrichment/person", json=body)
    assert (accepted["status"], accepted["credits_reserved"]) == ("pending", 11)
    assert accepted["poll_url"].startswith("http")
    done = api.finished(accepted["workflow_id"])
    result = done["result"]
    assert (result["full_name"], result["email_status"]) == (reliable["full_name"], "reliable")
    assert result["email"].endswith(f"@{reliable['company_domain']}")
    assert result["phone"].startswith("+1")
    assert (done["credits_charged"], done["credits_refunded"], api.balance()) == (11, 0, before - 11)
    (lead,) = api.leads(body["lead_list_id"])
    assert (lead["lead_id"], lead["email"]) == (result["lead_id"], result["email"])
    assert lead["location"] == reliable["location"]
    assert lead["provider"] == result["provider"]


@pytest.mark.parametrize(
    ("digit", "status", "phone"), [(2, "reliable", 1), (5, "reliable", 0), (6, "risky", 0), (9, None, 0)]
)
def test_what_is_found_follows_from_the_directory(v2, digit, status, phone):
    body = {"lead_list_id": v2.new_list(), "linkedin_url": f"contact-100{digit}", "enrichment_type": "full"}
    done = v2.finished(v2("POST", "/enrichment/person", json=body)["workflow_id"])
    assert (done["result"]["email_status"], bool(done["result"]["phone"])) == (status, bool(phone))
    assert done["credits_charged"] == (1 if status else 0) + 10 * phone
    assert done["credits_charged"] + done["credits_refunded"] == 11


def test_only_the_older_prefix_takes_a_person_without_a_list(key, v2):
    person = {"email": PERSON["email"]}
    accepted = key.client.post("/api/v1/public/enrichment/person", json=person).raise_for_status().json()
    v2("POST", "/enrichment/person", 422, json=person)
    hidden = accepted["lead_list_id"]
    v2.finished(accepted["workflow_id"])
    assert v2("GET", f"/lead-lists/{hidden}")["name"] == "MCP Results"
    assert hidden not in {row["list_id"] for row in v2("GET", "/lead-lists?limit=100")["lists"]}
    v2.error("POST", "/enrichment/person", 404, "not_found", json=person | {"lead_list_id": ""})


@pytest.mark.parametrize(
    "body", [{"domain": "https://www.example-17.test/"}, {"company_name": "example 17"}, {"company_id": "company-0017"}]
)
def test_a_company_costs_one_credit_and_comes_at_once(api, body):
    before = api.balance()
    answer = api("POST", "/enrichment/company", json=body)
    assert answer["company"]["name"] == "Example 17"
    assert answer["company"]["tech_stack"]
    assert (answer["credits_charged"], api.balance()) == (1, before - 1)


def test_no_company_costs_nothing(sandbox, session, v2):
    before = v2.balance()
    v2.error("POST", "/enrichment/company", 404, "not_found", json={"domain": "nowhere.test"})
    v2.error("POST", "/enrichment/company", 400, "validation_error", json={})
    assert v2.balance() == before
    sandbox.control("credits", {"organization_id": organization_id(sandbox), "credits": 0.5})
    error = v2.error("POST", "/enrichment/company", 400, "insufficient_credits", json={"domain": "example-1.test"})
    assert (error["available_credits"], error["shortfall_credits"]) == (0.5, 0.5)


def test_people_of_a_search_are_enriched_with_a_quote(api):
    page, people = found_people(api)
    ids = [person["person_id"] for person in people]
    asked = {"task_id": page["task_id"], "data_points": ["Phone", "Email"], "entity_ids": ids}
    quote = api.quote("add_person_enrichments", **asked)
    assert (quote["estimated_cost"], quote["row_count"]) == (110, 10)
    list_id, before = api.new_list(), api.balance()
    body = {**asked, "data_points": ["Email", "Phone"], "lead_list_id": list_id, "quote_id": quote["quote_id"]}
    started = api("POST", "/enrichment/by-task", json=body)
    assert (started["entity_kind"], started["status"], started["total_entities"]) == ("person", "pending", 10)
    assert {result["status"] for result in started["results"]} == {"queued"}
    assert started["credits_reserved"] == 110
    done = api.finished(page["task_id"])
    assert done["workflow_id"] == started["workflow_id"]
    assert done["credits_charged"] + done["credits_refunded"] == 110
    assert api.balance() == before - done["credits_charged"]
    leads = api.leads(list_id)
    assert sum(bool(lead["email"]) for lead in leads) == done["summary"]["emails_found"]
    api.error("POST", "/enrichment/by-task", 409, "quote_already_used", json=body)


def test_companies_of_a_search_are_enriched_at_once(api):
    page = api("POST", "/search/companies", json={"filters": {"names": ["example"]}, "limit": 25})
    asked = {"task_id": page["task_id"], "data_points": ["Industry", "Funding"]}
    quote = api.quote("add_company_enrichments", **asked)
    assert quote["estimated_cost"] == 3
    before = api.balance()
    done = api("POST", "/enrichment/by-task", json={**asked, "quote_id": quote["quote_id"]})
    assert (done["status"], done["workflow_id"], done["credits_reserved"]) == ("completed", None, 3)
    company = done["results"][0]["company"]
    assert company["industry"]
    assert company["revenue_range"] is None
    assert api.balance() == before - 3


def test_a_page_of_leads_is_enriched_in_place(api):
    source, target = api.list_of([1, 2]), api.new_list()
    page = api("GET", f"/lead-lists/{source}/leads")
    asked = {"task_id": page["task_id"], "data_points": ["LinkedIn"]}
    quote = api.quote("add_person_enrichments", **asked)
    body = {**asked, "lead_list_id": target, "quote_id": quote["quote_id"]}
    api.finished(api("POST", "/enrichment/by-task", json=body)["workflow_id"])
    assert [lead["lead_id"] for lead in api.leads(target)] == [lead["lead_id"] for lead in page["leads"]]
    assert [bool(lead["email"]) for lead in api.leads(source)] == [True, True]


def test_what_does_not_fit_the_task_is_refused(v2):
    page, people = found_people(v2, 2)
    asked = {"task_id": page["task_id"], "data_points": ["Email"]}
    path = "/enrichment/by-task"
    v2.error("POST", path, 400, "quote_required", json=asked)
    v2.error("POST", path, 400, "validation_error", json={**asked, "data_points": ["Industry"]})
    v2.error("POST", path, 400, "validation_error", json={**asked, "entity_ids": ["1"]})
    v2.error("POST", path, 404, "not_found", json={**asked, "task_id": "cl-task_none"})
    quote = v2.quote("add_person_enrichments", **asked, entity_ids=[people[0]["person_id"]])["quote_id"]
    other = {**asked, "entity_ids": [people[1]["person_id"]], "quote_id": quote}
    assert "entity_ids" in v2.error("POST", path, 400, "quote_invalid", json=other)["problem"]
    wrong = {**asked, "entity_ids": [people[0]["person_id"]], "data_points": ["LinkedIn"], "quote_id": quote}
    v2.error("POST", path, 400, "quote_invalid", json=wrong)
    v2.error("GET", f"/enrichment/status/{page['task_id'][:-1]}x", 404, "not_found")


@pytest.mark.parametrize(("scope", "cost"), [("partial", 1), ("phone-only", 10), ("full", 11)])
def test_a_list_is_enriched_charged_and_refunded(api, scope, cost):
    list_id, before = api.list_of([1, 5, 6, 8, 9]), api.balance()
    quote = api.quote("enrich_list", list_id=list_id, scope=scope, row_count=1)
    assert (quote["row_count"], quote["estimated_cost"]) == (5, 5 * cost)
    body = {"list_id": list_id, "scope": scope, "quote_id": quote["quote_id"]}
    started = api("POST", "/enrichment/bulk", json=body)
    assert started["workflow_id"].startswith("bulk-enrich-")
    assert (started["total_leads"], started["estimated_cost"], started["credits_reserved"]) == (5, 5 * cost, 5 * cost)
    done = api.finished(started["workflow_id"])
    expected = {"partial": 3, "phone-only": 20, "full": 23}[scope]
    assert (done["credits_charged"], done["credits_refunded"]) == (expected, 5 * cost - expected)
    assert (done["status"], done["result"], done["refund_status"]) == ("completed", None, "not_applicable")
    assert api.balance() == before - expected


def test_a_quote_is_for_one_list_as_it_is(v2):
    first, second = v2.list_of([1]), v2.list_of([2])
    quote = v2.quote("enrich_list", list_id=first, scope="partial")["quote_id"]
    path = "/enrichment/bulk"
    v2.error("POST", path, 400, "quote_invalid", json={"list_id": second, "quote_id": quote})
    ids = [lead["lead_id"] for lead in v2.leads(second)]
    v2("POST", f"/lead-lists/{first}/leads", json={"lead_ids": ids})
    v2.error("POST", path, 400, "spend_cap_exceeded", json={"list_id": first, "quote_id": quote})
    v2("DELETE", f"/lead-lists/{first}/leads", json={"lead_ids": ids})
    v2.error("POST", path, 400, "quote_invalid", json={"list_id": first, "quote_id": "qte_v1_1_x"})
    v2.error("POST", path, 400, "validation_error", json={"list_id": v2.new_list(), "quote_id": quote})
    v2("POST", path, 422, json={"list_id": first})
    started = v2("POST", path, json={"list_id": first, "quote_id": quote})
    assert started["credits_reserved"] == 1


def test_an_estimate_refuses_what_its_tool_does_not_have(v2):
    v2.error("POST", "/credits/estimate", 400, "validation_error", json={"tool": "enrich_company", "extra": {"x": 1}})
    v2.error("POST", "/credits/estimate", 400, "validation_error", json={"tool": "enrich_list"})
    assert v2.quote("enrich_company")["estimated_cost"] == 1
    assert v2.quote("enrich_list", list_id=v2.new_list())["estimated_cost"] == 0
    one = v2.quote("enrich_list", row_count=5, filters={"a": [1, {"b": None}]})
    assert one["filter_hash"] == v2.quote("enrich_list", row_count=5, filters={"a": [1, {"b": None}]})["filter_hash"]
    assert one["filter_hash"] != "none"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("linkedin_url", "https://evil.example/in/x"),
        ("linkedin_url", "https://evil.example/linkedin.com/in/x"),
        ("linkedin_url", "https://www.linkedin.com/company/x"),
        ("linkedin_url", "evil.example"),
        ("email", "notanemail"),
        ("email", "a@b@example.test"),
        ("email", "a b@example.test"),
    ],
)
def test_what_is_no_profile_and_no_address_reserves_nothing(api, field, value):
    before = api.balance()
    body = {"lead_list_id": "DEFAULT", field: value}
    assert field in api.error("POST", "/enrichment/person", 400, "validation_error", json=body)["problem"]
    assert api.balance() == before


@pytest.mark.parametrize(
    "url",
    [
        "contact-0042",
        "linkedin.com/in/contact-0042",
        "HTTPS://de.LinkedIn.com/in/contact-0042/?locale=de",
        "https://www.linkedin.com/pub/contact-0042/1/2/3",
        "https://www.linkedin.com/in/contact-0042/de",
        " https://www.linkedin.com/in/m%C3%BCller-1 ",
    ],
)
def test_a_profile_has_many_forms(v2, url):
    accepted = v2("POST", "/enrichment/person", json={"lead_list_id": "DEFAULT", "linkedin_url": url})
    if "/pub/" not in url and not url.endswith(("/de", " ")):
        assert v2.finished(accepted["workflow_id"])["result"]["full_name"] == "Contact 0042"
