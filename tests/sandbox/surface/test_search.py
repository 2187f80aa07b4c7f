"""Search of people and companies, its pages and what can be done with them."""

import pytest

VP_IN_GERMANY = {"titles": ["VP of"], "location_country": ["Germany"]}


def test_people_are_found_without_what_enrichment_costs(api):
    before = api.balance()
    page = api("POST", "/search/people", json={"filters": VP_IN_GERMANY, "limit": 3})
    assert page["total"] > 3
    assert page["truncation_warning"].startswith("3 of ")
    assert page["task_id"].startswith("cl-task_")
    for person in page["results"]:
        assert person["title"].startswith("VP of")
        assert person["location"].endswith("Germany")
        assert int(person["person_id"])
        assert not person.keys() & {"email", "phone"}
    assert (page["credits_charged"], api.balance()) == (0, before)


@pytest.mark.parametrize(
    ("path", "filters"), [("/search/people", VP_IN_GERMANY), ("/search/companies", {"names": ["systems"]})]
)
def test_pages_together_have_every_result_once(api, path, filters):
    seen, cursor = [], None
    while True:
        page = api("POST", path, json={"filters": filters, "limit": 50, "cursor": cursor})
        seen += [row["linkedin_url"] for row in page["results"]]
        if (cursor := page["cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == page["total"]
    cursor = api("POST", path, json={"filters": filters, "limit": 1})["cursor"]
    others = {name: [*values, "Nobody"] for name, values in filters.items()}
    for asked in (
        {"filters": filters, "cursor": "next"},
        {"filters": filters, "cursor": "50"},
        {"filters": others, "cursor": cursor},
    ):
        assert "cursor" in api.error("POST", path, 400, "validation_error", json=asked)["problem"]


def test_what_was_found_can_be_put_into_a_list(api):
    page = api("POST", "/search/people", json={"filters": VP_IN_GERMANY, "limit": 5})
    chosen = [person["person_id"] for person in page["results"][:2]]
    list_id = api.new_list()
    body = {"task_id": page["task_id"], "entity_ids": chosen}
    added = api("POST", f"/lead-lists/{list_id}/leads", json=body)
    assert added["added"] == 2
    assert api("POST", f"/lead-lists/{list_id}/leads", json=body)["skipped_duplicates"] == 2
    leads = api.leads(list_id)
    assert [lead["full_name"] for lead in leads] == [person["full_name"] for person in page["results"][:2]]
    assert [(lead["email"], lead["phone"]) for lead in leads] == [(None, None)] * 2
    other = api.new_list()
    again = api("POST", f"/lead-lists/{other}/leads", json={"task_id": page["task_id"]})
    assert again["added"] == 5


def test_companies_are_found_by_every_filter(api):
    body = {"filters": {"domains": ["example-17.test"]}}
    (company,) = api("POST", "/search/companies", json=body)["results"]
    assert company["name"] == "Example 17"
    for filters in (
        {"names": ["example 17"]},
        {"industries": [company["industry"]], "employee_count_ranges": [company["employee_count_range"]]},
        {"locations": [company["hq_location"].partition(",")[0].lower()], "names": ["example"]},
    ):
        found = api("POST", "/search/companies", json={"filters": filters, "limit": 500})["results"]
        assert company in found


def test_similar_companies_are_others_and_the_most_alike_come_first(api):
    found = api("POST", "/search/companies/similar", json={"domain": "example-17.test", "limit": 10})
    assert len(found["results"]) == 10
    assert "example-17.test" not in {company["domain"] for company in found["results"]}
    (asked,) = api("POST", "/search/companies", json={"filters": {"domains": ["example-17.test"]}})["results"]
    assert set(found["results"][0]["industries"]) & set(asked["industries"])
    by_id = api("POST", "/search/companies/similar", json={"company_id": asked["company_id"], "limit": 10})
    assert by_id["results"] == found["results"]
    api.error("POST", "/search/companies/similar", 404, "not_found", json={"domain": "nowhere.test"})
    api.error("POST", "/search/companies/similar", 400, "validation_error", json={})


def test_the_values_of_filters_are_those_of_results(api):
    people = api("GET", "/search/people/filters")["filters"]
    assert "Germany" in people["location_country"]
    assert people["company_domains"] == []
    companies = api("GET", "/search/companies/filters")["filters"]
    assert "51-200" in companies["employee_count_ranges"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filters": {}},
        {"filters": {"titles": []}},
        {"filters": {"titles": "VP"}},
        {"filters": {"titles": ["x"] * 101}},
        {"filters": {"shoe_size": ["42"]}},
        {"filters": {"titles": ["x"]}, "limit": 501},
        {"filters": {"titles": ["x"]}, "color": 1},
    ],
)
def test_what_is_no_search_is_422(v2, body):
    v2("POST", "/search/people", 422, json=body)
