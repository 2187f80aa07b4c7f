"""Limits of what a body can hold: refused with a short 422, and never at the cost of the other callers."""

import base64
import time

import pytest

from sandbox.lists.leads import linkedin_slug

BULK = "/api/v1/public/enrich/bulk"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/credits/estimate", {"tool": "enrich_person", "data_points": [0] * 100_000}),
        ("/credits/estimate", {"tool": "enrich_person", "entity_ids": ["x" * 201]}),
        ("/credits/estimate", {"tool": "enrich_person", "provider": "x" * 1000}),
        ("/credits/estimate", {"tool": "run_smart_agent", "row_count": 3, "extra": {"column_name": "x" * 101}}),
        ("/credits/estimate", {"tool": "run_smart_agent", "row_count": 3, "extra": {"column_name": ["x"]}}),
        ("/credits/estimate", {"tool": "run_smart_agent", "row_count": 3, "extra": {"max_rows": -3}}),
        ("/credits/estimate", {"tool": "enrich_person"} | {f"field {number}": 0 for number in range(50_000)}),
        ("/enrichment/person", {"lead_list_id": "DEFAULT", "linkedin_url": "linkedin.com/in/a?" * 200}),
        ("/enrichment/person", {"lead_list_id": "DEFAULT", "email": "x" * 501}),
        ("/search/people", {"filters": {"titles": [0] * 100_000}}),
        ("/enrichment/person", {"lead_list_id": {"x" * 100_000: ["y" * 100_000] * 5}}),
    ],
)
def test_what_is_too_much_is_422_and_the_answer_short(v2, path, body):
    response = v2.client.post(v2.prefix + path, json=body)
    assert response.status_code == 422
    detail = response.json()["detail"]
    assert len(detail) < 20
    assert detail[0]["loc"][0] == "body"
    assert len(response.content) < 10_000


def test_each_wrong_contact_is_named_and_the_answer_bounded(key):
    answer = key.client.post(BULK, json={"contacts": [{"first_name": "x" * 5000}] * 400})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["detail"]] == [["body", "contacts", n] for n in range(400)]
    assert len(answer.content) < 100_000

    answer = key.client.post(BULK, json={"contacts": [0] * 200_000})
    assert answer.status_code == 422
    assert len(answer.content) < 1_000_000


def test_too_many_contacts_are_refused_for_their_number(key):
    answer = key.client.post(BULK, json={"contacts": [{"linkedin_url": "linkedin.com/in/contact-0001"}] * 10_000})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Bulk enrichment supports up to 250 contacts per request"


def test_a_long_cell_is_named(v2):
    content = "email,first\na@b.test,Ada\nb@b.test," + "x" * 501
    body = {
        "csv_content_base64": base64.b64encode(content.encode()).decode(),
        "column_mapping": {"email": "email", "first_name": "first"},
        "dispatch_enrichment": False,
    }
    (error,) = v2("POST", f"/lead-lists/{v2.new_list()}/csv-import", 422, json=body)["detail"]
    assert error["loc"] == ["body", "csv_content_base64"]
    assert error["msg"] == "Row 3: first_name has 501 characters; 500 are the most."


def test_a_profile_is_found_in_time_that_grows_with_its_text():
    started = time.process_time()
    assert linkedin_slug("linkedin.com/in/a?" * 3000 + "\nx") == "a"
    assert linkedin_slug("linkedin.com/in/a/b/" * 3000) is None
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("https://www.LinkedIn.com/in/Ada/?x=1#y", "ada"),
        ("linkedin.com/pub/ada", "ada"),
        ("ada/", "ada"),
        ("https://example.test/in/ada", None),
        ("linkedin.com/in/ada/details", None),
        ("", None),
    ],
)
def test_the_handle_of_a_profile(url, slug):
    assert linkedin_slug(url) == slug
