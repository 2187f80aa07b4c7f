"""Hostile input gets an error response, never a crash."""

import base64
import json
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POSTS = [
    "/api/v1/public/enrich/bulk",
    "/api/v1/public/credits/estimate",
    "/api/v2/credits/estimate",
    "/api/v2/enrichment/person",
    "/api/v2/enrichment/company",
    "/api/v2/enrichment/by-task",
    "/api/v2/enrichment/bulk",
    "/api/v2/search/people",
    "/api/v2/search/companies",
    "/api/v2/search/companies/similar",
    "/api/v2/lead-lists",
    "/api/v2/lead-lists/x/leads",
    "/api/v2/lead-lists/x/csv-import",
    "/api/v2/smart-agents/run",
    "/api/v2/export/csv/signed-url",
    "/api/v2/sync/crm",
    "/api/v2/sync/sequencer",
]
BODIES = {
    "not JSON": b"{",
    "not UTF-8": b'{"tool": "\xff"}',
    "a lone surrogate": b'{"tool": "\\ud800", "contacts": [{"linkedin_url": "\\ud800"}], "webhook_url": "\\ud800"}',
    "null bytes": b'{"tool": "\\u0000", "lead_list_id": "\\u0000", "contacts": [], "webhook_url": "\\u0000"}',
    "a huge integer": b'{"tool": "enrich_list", "row_count": ' + b"9" * 5000 + b"}",
    "a large integer": b'{"tool": "enrich_list", "row_count": 99999999999999999999, "contacts": 1}',
    "not a number": b'{"tool": "enrich_list", "row_count": NaN, "contacts": [NaN]}',
    "deep nesting": b"[" * 100_000,
    "an array": b"[]",
    "null": b"null",
    "nothing": b"",
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_invalid_body_is_refused(sandbox, path, body):
    with sandbox.client() as client:
        response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.json()


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000"])
def test_a_key_can_have_any_text_as_its_name(session, name):
    body = f'{{"name": "{name}"}}'.encode()
    response = session.post("/api/v1/api-keys", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {200, 422}


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "1e400", "NaN"])
def test_an_expiry_beyond_the_calendar_is_refused(session, instant):
    assert session.post("/api/v1/api-keys", json={"expires_at": instant}).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/api-keys/%00/revoke",
        "/api/v1/api-keys/%ff/requests",
        "/api/v2/enrichment/status/%00%ed%a0%80",
        "/api/v2/enrichment/status/cl-task_%00",
        "/api/v2/lead-lists/%00%ed%a0%80",
        "/api/v2/lead-lists?cursor=%ed%a0%80&folder_id=%00",
        "/api/v2/lead-lists/%ff/leads?cursor=999999999999999999",
        "/api/v2/smart-agents/%00%ff",
        "/api/v2/smart-agents?list_id=%ed%a0%80",
        "/api/v2/export/json?list_id=%ed%a0%80&columns=%00&columns=%ff",
        "/exports/%00.csv?columns=%ed%a0%80&sig=%ff&exp=99999999999999999999",
        "/api/v1/public/enrich/status?workflow_id=%00%ff",
        "/api/v1/public/webhooks/deliveries?workflow_id=%ed%a0%80",
        "/api/v1/public/usage?days=99999999999999999999999",
        "/v1/client/sessions/%00/tokens",
        "/%ff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_paths_break_nothing(sandbox, path, method):
    for client in (sandbox.client(), sandbox.session()):
        assert client.request(method, path).status_code < 500


@pytest.mark.parametrize("value", [b"Bearer \xff\xfe", b"Bearer clapi_\xff", b"Bearer " + b"x" * 20_000])
def test_odd_credentials_are_401(sandbox, value):
    for path in ("/api/v1/public/whoami", "/api/v1/api-keys"):
        response = httpx.get(sandbox.base_url + path, headers={"Authorization": value})
        assert response.status_code == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_2_mb_is_413(sandbox, key, session, chunked):
    big = b"x" * (3 * 1024 * 1024)
    content = iter([big]) if chunked else big
    response = key.client.post(
        "/api/v1/public/enrich/bulk", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413
    assert session.get(f"/api/v1/api-keys/{key.id}/requests").json()[0]["status_code"] == 413


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = {
    "/api/v1/public/enrich/bulk": ["contacts", "enrichment_type", "webhook_url"],
    "/api/v2/credits/estimate": [
        "tool",
        "list_id",
        "filters",
        "row_count",
        "scope",
        "data_points",
        "task_id",
        "extra",
        "agent_type",
    ],
    "/api/v2/enrichment/person": ["lead_list_id", "email", "linkedin_url", "first_name", "quote_id"],
    "/api/v2/enrichment/company": ["domain", "company_name", "company_ticker", "company_id", "quote_id"],
    "/api/v2/enrichment/by-task": ["task_id", "data_points", "entity_ids", "lead_list_id", "quote_id"],
    "/api/v2/search/people": ["filters", "limit", "cursor"],
    "/api/v2/search/companies/similar": ["domain", "company_id", "limit", "cursor"],
    "/api/v2/lead-lists": ["name", "description", "folder_id"],
    "/api/v2/smart-agents/run": [
        "list_id",
        "agent_type",
        "prompt",
        "column_name",
        "lead_scope",
        "max_rows",
        "quote_id",
    ],
}


@pytest.mark.parametrize("path", FIELDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_field_can_break_an_endpoint(sandbox, path, data):
    chosen = data.draw(st.dictionaries(st.sampled_from(FIELDS[path]), anything, max_size=4))
    if path.endswith("estimate"):
        chosen.setdefault(
            "tool", data.draw(st.sampled_from(["enrich_list", "add_person_enrichments", "run_smart_agent"]))
        )
    if path.endswith("person"):
        chosen["lead_list_id"] = "DEFAULT"
    with sandbox.client() as client:
        content = json.dumps(chosen).encode()
        response = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code < 500, response.text


@pytest.mark.parametrize("size", [50, 150 * 1024, 2_000_000])
def test_a_csv_of_one_endless_line_or_of_anything_is_no_crash(key, size):
    list_id = key.client.post("/api/v2/lead-lists", json={"name": f"Odd {size}"}).json()["list_id"]
    for content in (b"email," * (size // 6), b'email\n"' + b"x" * size, b"email\n\x00\n" * (size // 9), b"\r" * size):
        body = {
            "csv_content_base64": base64.b64encode(content[: size // 2]).decode(),
            "column_mapping": {"email": "email"},
            "dispatch_enrichment": False,
        }
        assert key.client.post(f"/api/v2/lead-lists/{list_id}/csv-import", json=body).status_code < 500


def test_the_longest_search_is_answered_at_once(key):
    words = ["x" * 200] * 100
    started = time.monotonic()
    names = ("titles", "locations", "company_names", "company_domains", "seniority", "company_industries")
    response = key.client.post("/api/v2/search/people", json={"filters": dict.fromkeys(names, words), "limit": 500})
    assert response.status_code == 200
    assert key.client.post("/api/v2/enrichment/company", json={"company_name": "x" * 500}).status_code == 404
    assert time.monotonic() - started < 10
