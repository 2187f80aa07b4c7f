"""Each endpoint demands its scope, on both versions: refused without it, let in with it alone."""

import pytest

from tests.sandbox.conftest import ALL_SCOPES, organization_id

# Calls that cost nothing and change nothing: with the scope they are answered, if only with what is missing.
SHARED = [
    ("GET /api-keys", "admin:api_keys"),
    ("GET /usage", "admin:api_keys"),
    ("GET /credits/balance", "credits:read"),
    ("POST /credits/estimate", "credits:read"),
    ("POST /search/people", "people:read"),
    ("GET /search/people/filters", "people:read"),
    ("POST /search/companies", "companies:read"),
    ("GET /search/companies/filters", "companies:read"),
    ("POST /search/companies/similar", "companies:read"),
    ("GET /lead-lists", "lists:read"),
    ("GET /lead-lists/x", "lists:read"),
    ("GET /lead-lists/x/leads", "lists:read"),
    ("POST /lead-lists", "lists:write"),
    ("PATCH /lead-lists/x", "lists:write"),
    ("DELETE /lead-lists/x", "lists:write"),
    ("POST /lead-lists/x/leads", "lists:write"),
    ("DELETE /lead-lists/x/leads", "lists:write"),
    ("POST /lead-lists/x/csv-import", "lists:write"),
    ("POST /enrichment/person", "enrich:write"),
    ("POST /enrichment/company", "enrich:write"),
    ("POST /enrichment/by-task", "enrich:write"),
    ("POST /enrichment/bulk", "enrich:write"),
    ("GET /enrichment/status/x", "enrich:read"),
    ("POST /smart-agents/run", "smart_agents:write"),
    ("GET /smart-agents", "smart_agents:read"),
    ("GET /smart-agents/x", "smart_agents:read"),
    ("POST /export/csv/signed-url", "export:read"),
    ("GET /export/json", "export:read"),
    ("POST /sync/crm", "sync:write"),
    ("POST /sync/sequencer", "sync:write"),
]
ONLY_V1 = [("POST /enrich/bulk", "enrich:write"), ("GET /enrich/status", "enrich:read")]
CALLS = [(f"/api/v2 {call}", scope) for call, scope in SHARED]
CALLS += [(f"/api/v1/public {call}", scope) for call, scope in SHARED + ONLY_V1]


def call(client, named):
    prefix, method, path = named.split()
    return client.request(method, prefix + path, json=None if method == "GET" else {})


@pytest.mark.parametrize(("named", "scope"), CALLS)
def test_an_endpoint_demands_its_scope(sandbox, key, named, scope):
    others = [each for each in ALL_SCOPES if each != scope]
    sandbox.control("plan", {"organization_id": organization_id(sandbox), "scopes": others})
    refused = call(key.client, named)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (403, "insufficient_scope")
    assert error["details"] == {"required_scope": scope, "granted_scopes": others}
    assert scope in error["problem"]
    sandbox.control("plan", {"organization_id": organization_id(sandbox), "scopes": [scope]})
    assert call(key.client, named).status_code not in {401, 403}


def test_every_scope_is_granted_and_refused_somewhere():
    assert {scope for _, scope in CALLS} == set(ALL_SCOPES)


def test_importing_and_enriching_takes_both_scopes(sandbox, key):
    sandbox.control("plan", {"organization_id": organization_id(sandbox), "scopes": ["lists:write"]})
    body = {"csv_content_base64": "", "column_mapping": {"email": "email"}}
    refused = key.client.post("/api/v2/lead-lists/x/csv-import", json=body)
    assert refused.json()["error"]["details"]["required_scope"] == "enrich:write"
    only = key.client.post("/api/v2/lead-lists/x/csv-import", json={**body, "dispatch_enrichment": False})
    assert only.status_code == 404
