"""Every row of the documented error tables, and the shape of each error."""

import datetime as dt
import time

import pytest

from .conftest import make_key, organization_id
from .process import SandboxProcess

BULK = "/api/v1/public/enrich/bulk"
PUBLIC = [
    ("GET", "/api/v1/public/auth/validate-key"),
    ("GET", "/api/v1/public/credits/balance"),
    ("POST", BULK),
    ("GET", "/api/v1/public/enrich/status"),
    ("GET", "/api/v1/public/webhooks/deliveries"),
    ("GET", "/api/v1/public/whoami"),
    ("GET", "/api/v2/whoami"),
]
ENVELOPE = {"code", "problem", "fix", "retryable", "docs_url", "request_id"}
KNOWN = {"linkedin_url": "https://linkedin.com/in/contact-0042"}


def grant(sandbox, **plan):
    sandbox.control("plan", {"organization_id": organization_id(sandbox), **plan})


def set_credits(sandbox, amount):
    sandbox.control("credits", {"organization_id": organization_id(sandbox), "credits": amount})


@pytest.mark.parametrize(("method", "path"), PUBLIC)
def test_no_credential_is_401_invalid_token(sandbox, method, path):
    with sandbox.client() as client:
        response = client.request(method, path, headers={"Authorization": ""})
    assert response.status_code == 401
    assert response.json()["error"].keys() == ENVELOPE
    assert response.json()["error"]["code"] == "invalid_token"


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"Authorization": "", "X-API-Key": "clapi_x"}, "X-API-Key"),
        ({"Authorization": "Basic Y2xhcGk6eA=="}, "Not authenticated"),
        ({"Authorization": "clapi_x"}, "Not authenticated"),
        ({"Authorization": "Bearer"}, "Not authenticated"),
        ({"Authorization": "Bearer clapi_x"}, "unknown or malformed"),
        ({"Authorization": "Bearer clext_x"}, "browser extension"),
        ({"Authorization": "Bearer not.a.token"}, "neither an API key nor"),
    ],
)
def test_a_wrong_header_is_401_and_names_the_mistake(sandbox, headers, hint):
    with sandbox.client() as client:
        response = client.get("/api/v1/public/whoami", headers=headers)
    assert response.status_code == 401
    assert hint in response.json()["error"]["problem"]


def test_a_revoked_key_is_401(session, key):
    session.post(f"/api/v1/api-keys/{key.id}/revoke")
    response = key.client.get("/api/v1/public/whoami")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_token")


def test_an_expired_key_is_401(sandbox, session):
    expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    key = make_key(sandbox, session, expires_at=expires_at.isoformat())
    assert key.client.get("/api/v1/public/whoami").status_code == 200
    while dt.datetime.now(dt.UTC) <= expires_at:
        time.sleep(0.05)
    assert key.client.get("/api/v1/public/whoami").status_code == 401


def test_a_missing_scope_is_403_with_required_and_granted(sandbox, session, key):
    grant(sandbox, scopes=["people:read", "lists:read"])
    response = key.client.post(BULK, json={"contacts": [KNOWN]})
    error = response.json()["error"]
    assert response.status_code == 403
    assert error.pop("request_id").startswith("req_")
    assert error == {
        "code": "insufficient_scope",
        "problem": "This call requires the 'enrich:write' scope, which is not granted to the authenticating "
        "credential.",
        "fix": "Re-issue the API key with the required scope, or sign in with an identity that has it. "
        "See /api/v1/public/whoami.",
        "retryable": False,
        "docs_url": "https://docs.cleanlist.ai/errors/insufficient-scope",
        "details": {"required_scope": "enrich:write", "granted_scopes": ["people:read", "lists:read"]},
    }


def test_a_plan_without_api_access_can_revoke_but_not_create_or_list(sandbox, session, key):
    grant(sandbox, features=[])
    for response in (session.post("/api/v1/api-keys"), session.get("/api/v1/api-keys")):
        assert response.status_code == 403
        assert "API_ACCESS" in response.json()["detail"]
    assert session.post(f"/api/v1/api-keys/{key.id}/revoke").status_code == 200
    assert key.client.get("/api/v1/public/whoami").status_code == 401


def test_key_management_refuses_an_api_key(key):
    response = key.client.get("/api/v1/api-keys")
    assert response.status_code == 401
    assert "session token" in response.json()["detail"]


def test_no_credits_is_402_on_the_older_surface(sandbox, session, key):
    set_credits(sandbox, 10)
    response = key.client.post(BULK, json={"enrichment_type": "full", "contacts": [KNOWN]})
    assert (response.status_code, response.json()) == (402, {"detail": "Insufficient credits"})


def test_no_credits_is_400_with_the_shortfall_on_the_newer_surface(sandbox, session, key):
    set_credits(sandbox, 4)
    person = {"lead_list_id": "DEFAULT", "enrichment_type": "full", **KNOWN}
    response = key.client.post("/api/v2/enrichment/person", json=person)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "insufficient_credits")
    assert error["estimated_cost_credits"] == 11
    assert error["available_credits"] == 4
    assert error["shortfall_credits"] == 7


def test_an_invalid_contact_is_422_with_its_index(key):
    contacts = [KNOWN] * 7 + [{"first_name": "Contact", "last_name": "0042"}]
    response = key.client.post(BULK, json={"contacts": contacts})
    assert response.status_code == 422
    (wrong,) = response.json()["detail"]
    assert wrong["loc"] == ["body", "contacts", 7]
    assert wrong["msg"].startswith("Each contact must include linkedin_url OR ")
    assert wrong["input"] == contacts[7]


@pytest.mark.parametrize("company", [{"company_domain": "example-17.test"}, {"company_name": "Example 17"}])
def test_name_and_company_identify_a_contact(key, company):
    contact = {"first_name": "Contact", "last_name": "0042", **company}
    assert key.client.post(BULK, json={"contacts": [contact]}).status_code == 200


def test_250_contacts_are_accepted_and_251_are_not(key):
    request = {"enrichment_type": "none", "contacts": [KNOWN] * 250}
    assert key.client.post(BULK, json=request).json()["total_contacts"] == 250
    request["contacts"].append(KNOWN)
    response = key.client.post(BULK, json=request)
    assert response.status_code == 400
    assert response.json() == {"detail": "Bulk enrichment supports up to 250 contacts per request"}


def test_no_contacts_is_400(key):
    assert key.client.post(BULK, json={"contacts": []}).status_code == 400


@pytest.mark.parametrize("asked", [{}, {"workflow_id": "a", "task_id": "b"}])
def test_status_requires_a_workflow_or_a_task(key, asked):
    response = key.client.get("/api/v1/public/enrich/status", params=asked)
    assert response.status_code == 400
    assert "workflow_id or task_id" in response.json()["detail"]


@pytest.mark.parametrize("asked", [{"workflow_id": "public_bulk_none"}, {"task_id": "none"}])
def test_an_unknown_workflow_is_404(key, asked):
    assert key.client.get("/api/v1/public/enrich/status", params=asked).status_code == 404
    response = key.client.get("/api/v1/public/enrichment/status/none")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("url", ["http://example.com/hook", "https://192.168.0.1/hook", "ftp://x", "hook"])
def test_a_webhook_must_be_https_and_public(key, url):
    response = key.client.post(BULK, json={"contacts": [KNOWN], "webhook_url": url})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "webhook_url"]


def test_rate_limits_respond_429_with_retry_after(tmp_path):
    with SandboxProcess(tmp_path / "data", "--org-limit", "5", "--key-limit", "8") as limited:
        client, session = limited.client(), limited.session()
        statuses = [client.get("/api/v1/public/whoami").status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        other = session.get("/api/v2/whoami")
        assert other.status_code == 200, "another endpoint has a window of its own"
        assert client.get("/api/v2/whoami").status_code == 200
        assert client.get("/api/v2/whoami").status_code == 200
        refused = client.get("/api/v2/whoami")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limited"
    assert refused.json()["error"]["retryable"]
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error"]["retry_after_ms"] == int(refused.headers["Retry-After"]) * 1000
