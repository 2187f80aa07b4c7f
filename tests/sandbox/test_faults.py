"""The control surface: access to it, the effect of each fault, and what else it can change."""

import asyncio
import json
import time

import httpx
import pytest

from sandbox.http.faults import is_spoiled, spoil_records
from sandbox.server import create_app
from sandbox.settings import Settings

from .conftest import make_key, organization_id

PATH = "/api/v1/public/whoami"


@pytest.fixture
def faulty(sandbox, session, key):
    def set_fault(kind, **more):
        sandbox.control("faults", {"path": "/api/v1/public/*", "kind": kind, **more})
        return key.client

    return set_fault


def test_a_status_fault_carries_retry_after(faulty):
    response = faulty("status", status=429, retry_after=7).get(PATH)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.json()["error"]["code"] == "rate_limited"


def test_a_status_fault_has_the_shape_of_its_surface(sandbox, session):
    sandbox.control("faults", {"path": "/api/v1/api-keys", "kind": "status", "status": 503, "times": 1})
    response = session.get("/api/v1/api-keys")
    assert response.status_code == 503
    assert response.json().keys() == {"detail"}


def test_latency_delays_the_real_response(faulty):
    client = faulty("latency", seconds=0.3)
    started = time.monotonic()
    assert client.get(PATH).status_code == 200
    assert time.monotonic() - started >= 0.3


def test_a_hang_gives_no_response(faulty):
    with pytest.raises(httpx.ReadTimeout):
        faulty("hang").get(PATH, timeout=0.3)


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "hang", "seconds": 0.1}])
def test_a_drop_closes_the_connection(faulty, fault):
    with pytest.raises(httpx.RemoteProtocolError):
        faulty(**fault).get(PATH)


def test_html_like_that_of_a_proxy(faulty):
    response = faulty("html").get(PATH)
    assert (response.status_code, response.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert response.text.startswith("<!doctype html>")


def test_truncated_json_is_half_of_the_real_response(faulty):
    response = faulty("truncated").get(PATH)
    assert response.status_code == 200
    assert response.text.startswith('{"user_email"')
    assert not response.text.endswith("}")


def test_an_empty_body(faulty):
    response = faulty("empty").get(PATH)
    assert (response.status_code, response.content) == (200, b"")


def test_a_fault_ends_after_its_times(faulty):
    client = faulty("status", status=500, times=2)
    assert [client.get(PATH).status_code for _ in range(3)] == [500, 500, 200]


def test_clearing_ends_a_fault(sandbox, faulty):
    client = faulty("status", status=500)
    assert client.get(PATH).status_code == 500
    sandbox.control("faults", method="DELETE")
    assert client.get(PATH).status_code == 200


def test_a_fault_can_be_limited_to_a_method_and_a_prefix(sandbox, session, key):
    sandbox.control("faults", {"path": "/api/v1/api-keys", "method": "POST", "kind": "status", "status": 500})
    assert session.get("/api/v1/api-keys").status_code == 200
    assert session.post(f"/api/v1/api-keys/{key.id}/revoke").status_code == 500


def test_a_response_can_be_lost_after_the_call_took_effect(sandbox, session):
    sandbox.control("faults", {"path": "/api/v1/api-keys", "kind": "drop", "times": 1, "after": True})
    with pytest.raises(httpx.RemoteProtocolError):
        session.post("/api/v1/api-keys", json={"name": "whose response was lost"})
    assert "whose response was lost" in {row["name"] for row in session.get("/api/v1/api-keys").json()}


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "flood"},
        {"kind": "status", "status": 204},
        {"kind": "drop", "times": 0},
        {"kind": "drop", "times": True},
        {"kind": "latency"},
        {"kind": "drop", "path": ""},
        {"kind": "drop", "path": "["},
        {"kind": "drop", "path": "api/v2"},
    ],
)
def test_an_impossible_fault_is_refused(sandbox, fault):
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        sandbox.control("faults", fault)


BODIES = {
    "credits": {"organization_id": "org_none", "credits": 1},
    "reset": {"organization_id": "org_none"},
    "requests": {"key_id": "none", "count": 1},
    "faults": {"kind": "drop", "path": "/nowhere"},
    "limits": {"key": 0},
    "plan": {"organization_id": "org_none"},
    "connections": {"organization_id": "org_none", "provider": "hubspot", "state": "healthy"},
    "smart-agents": {"held": False},
}


@pytest.mark.parametrize("path", BODIES)
def test_a_misspelled_field_is_refused(sandbox, path):
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        sandbox.control(path, {**BODIES[path], "pth": "/x"})


def test_each_call_that_takes_a_body_is_among_those(sandbox):
    paths = httpx.get(f"{sandbox.base_url}/docs/openapi.json").json()["paths"]
    taking = [path for path, calls in paths.items() if "requestBody" in calls.get("post", {})]
    assert {path for path in taking if path.startswith("/_sandbox/")} == {f"/_sandbox/{path}" for path in BODIES}


@pytest.mark.parametrize("limits", [{}, {"foo": 1}, {"key": None}, {"key": True}, {"key": "1"}, {"organization": -1}])
def test_limits_that_say_nothing_are_refused(sandbox, limits):
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        sandbox.control("limits", limits)


def test_a_limit_that_is_left_out_stays(sandbox):
    assert sandbox.control("limits", {"organization": 500, "key": 400}) == {"organization": 500, "key": 400}
    assert sandbox.control("limits", {"organization": 0}) == {"organization": 0, "key": 400}
    assert sandbox.control("limits", {"key": 0}) == {"organization": 0, "key": 0}


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Control": "wrong"}, {"X-Sandbox-Control": "é"}])
def test_the_control_surface_needs_its_token(sandbox, headers):
    encoded = {name: value.encode() for name, value in headers.items()}
    response = httpx.delete(f"{sandbox.base_url}/_sandbox/faults", headers=encoded)
    assert response.status_code == 401


def test_scopes_are_no_more_than_there_are(sandbox):
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        sandbox.control("plan", {"organization_id": organization_id(sandbox), "scopes": ["credits:read"] * 13})


def test_the_control_surface_accepts_loopback_only(tmp_path):
    app = create_app(Settings(data_dir=tmp_path))
    token = app.state.services.data_dir.control_token

    async def state_as_seen_from(peer):
        transport = httpx.ASGITransport(app, client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.get("/_sandbox/state", headers={"X-Sandbox-Control": token})

    assert asyncio.run(state_as_seen_from("203.0.113.9")).status_code == 403
    assert asyncio.run(state_as_seen_from("127.0.0.1")).status_code == 200
    app.state.services.store.close()


def test_appended_requests_can_be_spread_over_an_interval(sandbox, session, key):
    asked = {
        "key_id": key.id,
        "count": 5,
        "path": "/api/v1/public/enrich/bulk",
        "method": "POST",
        "status_code": 402,
        "duration_ms": 900,
        "ip_address": "198.51.100.7",
        "user_agent": "nightly",
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T04:00:00Z",
    }
    sandbox.control("requests", asked)
    rows = session.get(f"/api/v1/api-keys/{key.id}/requests").json()
    assert [row["created_at"] for row in rows] == [f"2026-01-01T0{hour}:00:00Z" for hour in (4, 3, 2, 1, 0)]
    assert {row["ip_address"] for row in rows} == {"198.51.100.7"}
    key_row = next(row for row in session.get("/api/v1/api-keys").json() if row["id"] == key.id)
    assert (key_row["request_count"], key_row["last_used_at"]) == (5, "2026-01-01T04:00:00Z")


def test_a_plan_change_reaches_whoami(sandbox, session, key):
    plan = {"tier": "enterprise", "features": ["b", "API_ACCESS"], "scopes": ["credits:read"]}
    sandbox.control("plan", {"organization_id": organization_id(sandbox), **plan})
    me = key.client.get(PATH).json()
    assert (me["tier"], me["features"], me["scopes"]) == ("enterprise", ["API_ACCESS", "b"], ["credits:read"])


@pytest.mark.parametrize("path", ["credits", "plan", "connections", "reset"])
def test_an_unknown_organization_is_404(sandbox, path):
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        sandbox.control(path, BODIES[path])


def test_state_names_no_secret(sandbox, session):
    key = make_key(sandbox, session)
    state = sandbox.control("state", method="GET")
    assert key.id in {row["key_id"] for row in state["organizations"][0]["keys"]}
    assert key.secret not in str(state)


def test_spoiled_records_are_always_the_same_share(sandbox, session):
    for number in range(8):
        session.post("/api/v1/api-keys", json={"name": f"one of many {number}"})
    whole = session.get("/api/v1/api-keys").json()
    fault = {"path": "/api/v1/api-keys", "method": "GET", "kind": "odd", "share": 0.5}
    sandbox.control("faults", fault)
    first, second = (session.get("/api/v1/api-keys").json() for _ in range(2))
    assert first == second
    assert first == [row | {"id": None} if is_spoiled(row["id"], 0.5) else row for row in whole]
    assert 0.4 < sum(is_spoiled(str(number), 0.5) for number in range(2000)) / 2000 < 0.6


@pytest.mark.parametrize(("share", "odd"), [(0, set()), (1, {"one", "two"})])
def test_records_of_wrapped_lists_are_spoiled(share, odd):
    body = json.dumps({"total": 2, "next": None, "keys": [{"id": "one"}, {"id": "two"}, "three"]}).encode()
    response = json.loads(spoil_records(body, share))
    assert response["keys"] == [{"id": None if name in odd else name} for name in ("one", "two")] + ["three"]
    assert (response["total"], response["next"]) == (2, None)


@pytest.mark.parametrize("body", [b"", b"<!doctype html>", b'"text"', b"7", b"null"])
def test_a_response_without_records_is_unchanged(body):
    assert spoil_records(body, 1) == body
