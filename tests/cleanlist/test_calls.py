"""Every public call, on both clients: its request and its result."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from cleanlist import Contact, Secret, __version__
from tests.cleanlist.conftest import KEY, Upstream

ID = UUID("550e8400-e29b-41d4-a716-446655440000")
NOON = datetime(2026, 4, 6, 12, tzinfo=UTC)
LISTED = {
    "id": str(ID),
    "name": "Production server",
    "key_prefix": "clapi_AbCd",
    "key_last4": "wXyZ",
    "created_at": "2026-04-06T12:00:00Z",
    "expires_at": None,
    "last_used_at": "2026-04-06T14:00:00+02:00",
    "request_count": 1547,
    "is_active": True,
    "not_yet_known": {"to": "us"},
}
LOGGED = {"id": "log-1", "method": "POST", "path": "/x", "status_code": 200, "created_at": "2026-04-06T12:00:00Z"}
ATTEMPT = {"workflow_id": "w", "attempt_number": 2, "status": "failed", "response_status_code": 503}


@dataclass
class Case:
    name: str
    call: Any
    method: str
    target: str
    response: Any
    expect: Any
    sent: Any = field(default=None)


CASES = [
    Case(
        "list", lambda c: c.api_keys.list(), "GET", "/api/v1/api-keys", [LISTED], lambda r: r[0].request_count == 1547
    ),
    Case(
        "create",
        lambda c: c.api_keys.create("ci", expires_at=NOON),
        "POST",
        "/api/v1/api-keys",
        {"api_key": KEY, "created_at": "2026-04-06T12:00:00Z", "expires_at": None},
        lambda r: r.api_key == Secret(KEY) and r.created_at == NOON,
        {"name": "ci", "expires_at": "2026-04-06T12:00:00Z"},
    ),
    Case("create bare", lambda c: c.api_keys.create(), "POST", "/api/v1/api-keys", {"api_key": KEY}, bool, {}),
    Case(
        "revoke",
        lambda c: c.api_keys.revoke(ID),
        "POST",
        f"/api/v1/api-keys/{ID}/revoke",
        {"success": True, "message": "API key revoked"},
        lambda r: r.success and r.message == "API key revoked",
    ),
    Case(
        "revoke quoted",
        lambda c: c.api_keys.revoke("a/b?c"),
        "POST",
        "/api/v1/api-keys/a%2Fb%3Fc/revoke",
        {"success": False},
        lambda r: not r.success,
    ),
    Case(
        "revoke all",
        lambda c: c.api_keys.revoke_all(),
        "POST",
        "/api/v1/api-keys/revoke-all",
        {"success": True, "message": "3 API key(s) revoked successfully"},
        lambda r: r.message == "3 API key(s) revoked successfully",
    ),
    Case(
        "requests",
        lambda c: c.api_keys.requests(ID, limit=500),
        "GET",
        f"/api/v1/api-keys/{ID}/requests?limit=500",
        [LOGGED],
        lambda r: r[0].created_at == NOON and r[0].user_agent is None,
    ),
    Case(
        "public keys, array",
        lambda c: c.public_keys.list(),
        "GET",
        "/api/v1/public/api-keys",
        [{"key_id": "ak_1", "key_prefix": "clapi_AbCd", "key_last4": "wXyZ", "is_active": False}],
        lambda r: r[0].key_id == "ak_1" and not r[0].is_active,
    ),
    Case(
        "public keys, object",
        lambda c: c.public_keys.list(),
        "GET",
        "/api/v1/public/api-keys",
        {"keys": [{"key_id": "ak_1", "is_active": True, "created_at": "2026-04-06 12:00:00"}]},
        lambda r: r[0].created_at == NOON,
    ),
    Case(
        "whoami",
        lambda c: c.whoami(),
        "GET",
        "/api/v1/public/whoami",
        {"organization_id": "org_1", "scopes": ["credits:read"], "features": ["API_ACCESS"], "tier": "pro"},
        lambda r: r.scopes == ("credits:read",) and r.user_email is None,
    ),
    Case(
        "nulls instead of lists",
        lambda c: c.whoami(),
        "GET",
        "/api/v1/public/whoami",
        {"organization_id": "org_1", "scopes": None, "features": None, "user_email": None},
        lambda r: r.scopes == () and r.features == (),
    ),
    Case(
        "public keys with nulls",
        lambda c: c.public_keys.list(),
        "GET",
        "/api/v1/public/api-keys",
        {"keys": [{"key_id": "ak_1", "is_active": True, "key_last4": None, "created_at": "2026-04-06T12:00:00Z"}]},
        lambda r: r[0].key_last4 == "" and r[0].created_at == NOON,
    ),
    Case(
        "validate key",
        lambda c: c.validate_key(),
        "GET",
        "/api/v1/public/auth/validate-key",
        {"valid": True, "user_id": "user_1", "organization_id": "org_1"},
        lambda r: r.valid and r.user_id == "user_1",
    ),
    Case(
        "balance",
        lambda c: c.credits.balance(),
        "GET",
        "/api/v1/public/credits/balance",
        {"organization_id": "org_1", "credits": 4820.1},
        lambda r: r.credits == Decimal("4820.1"),
    ),
    Case(
        "usage",
        lambda c: c.usage.report(days=30, group_by="key"),
        "GET",
        "/api/v1/public/usage?days=30&group_by=key",
        {"days": 30, "group_by": "key", "total_calls": 3, "rows": [{"group": "ci", "calls": 3, "errors": 1}]},
        lambda r: r.rows[0].errors == 1 and r.total_credits_spent == 0,
    ),
    *[
        Case(
            f"deliveries, {name}",
            lambda c: c.webhooks.deliveries("w 1"),
            "GET",
            "/api/v1/public/webhooks/deliveries?workflow_id=w+1",
            answer,
            lambda r: r[0].response_status_code == 503,
        )
        for name, answer in [
            ("array", [ATTEMPT]),
            *[(envelope, {envelope: [ATTEMPT], "total": 1}) for envelope in ("deliveries", "items", "data")],
        ]
    ],
    Case(
        "deliveries that are malformed in every field",
        lambda c: c.webhooks.deliveries(),
        "GET",
        "/api/v1/public/webhooks/deliveries",
        {
            "data": {
                "items": [
                    ATTEMPT,
                    None,
                    {"attempt_number": "2", "url": 7, "attempted_at": "once", "created_at": 1_760_000_000_000},
                    {"workflow_id": ["w"], "status_code": "404", "created_at": "0001-01-01T00:00:00+14:00"},
                ]
            }
        },
        lambda r: (
            [(row.attempt_number, row.response_status_code) for row in r[1:]] == [(2, None), (None, 404)]
            and (r[1].url, r[1].at) == (None, datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC))
            and (r[2].workflow_id, r[2].at) == (None, None)
        ),
    ),
    Case(
        "all deliveries",
        lambda c: c.webhooks.deliveries(),
        "GET",
        "/api/v1/public/webhooks/deliveries",
        [],
        lambda r: r == (),
    ),
    Case(
        "bulk",
        lambda c: c.enrich.bulk([Contact(linkedin_url="https://x.test/in/1")], "full", "https://hook.test"),
        "POST",
        "/api/v1/public/enrich/bulk",
        {"workflow_id": "public_bulk_1", "status": "processing", "task_ids": ["t1"], "total_contacts": 1},
        lambda r: r.workflow_id == "public_bulk_1" and r.task_ids == ("t1",),
        {
            "enrichment_type": "full",
            "contacts": [{"linkedin_url": "https://x.test/in/1"}],
            "webhook_url": "https://hook.test",
        },
    ),
    Case(
        "status",
        lambda c: c.enrich.status(workflow_id="public_bulk_1"),
        "GET",
        "/api/v1/public/enrich/status?workflow_id=public_bulk_1",
        {"status": "completed", "progress": 100, "results": [{"task_id": "t1"}]},
        lambda r: r.results == ({"task_id": "t1"},),
    ),
    Case(
        "status of a task",
        lambda c: c.enrich.status(task_id="t1"),
        "GET",
        "/api/v1/public/enrich/status?task_id=t1",
        {"status": "processing", "progress": {"done": 1}},
        lambda r: r.progress == {"done": 1},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_call_sends_and_returns_what_is_documented(run_call, case):
    upstream = Upstream(httpx.Response(200, json=case.response))

    result = run_call(upstream, case.call)

    (request,) = upstream.requests
    assert (request.method, request.url.raw_path.decode()) == (case.method, case.target)
    assert (json.loads(request.content) if request.content else None) == case.sent
    assert case.expect(result)


def test_the_key_travels_in_the_header_and_the_console_names_itself(run_call):
    upstream = Upstream(httpx.Response(200, json=[]))

    run_call(upstream, lambda c: c.api_keys.list())

    headers = upstream.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == f"cleanlist-console/{__version__}"
    assert KEY not in str(upstream.requests[0].url)


def test_a_path_in_the_base_url_is_kept(run_call):
    upstream = Upstream(httpx.Response(200, json=[]))

    run_call(upstream, lambda c: c.api_keys.list(), url="https://proxy.example.test/cleanlist/")

    assert upstream.requests[0].url == "https://proxy.example.test/cleanlist/api/v1/api-keys"


def test_a_revoke_answered_with_204_has_succeeded(run_call):
    assert run_call(Upstream(httpx.Response(204)), lambda c: c.api_keys.revoke(ID)).success


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.api_keys.requests(ID, limit=501), "limit must be 1 to 500"),
        (lambda c: c.usage.report(days=0), "days must be 1 to 365"),
        (lambda c: c.enrich.bulk([]), "contacts must be 1 to 250"),
        (lambda c: c.enrich.status(), "either workflow_id or task_id"),
        (lambda c: c.enrich.status("w", "t"), "either workflow_id or task_id"),
        (lambda c: c.api_keys.create(expires_at=datetime(2027, 1, 1)), "time zone"),  # noqa: DTZ001
        (lambda c: c.api_keys.revoke(".."), "cannot be part of an address"),
    ],
)
def test_a_call_with_invalid_arguments_is_not_sent(run_call, call, words):
    upstream = Upstream(httpx.Response(500))

    with pytest.raises(ValueError, match=words):
        run_call(upstream, call)

    assert upstream.requests == []
