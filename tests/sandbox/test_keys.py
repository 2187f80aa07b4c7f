"""Issuing, limits, expiry, revoking and the request log of API keys."""

import base64
import datetime as dt
import time

import pytest

from .conftest import make_key
from .process import SandboxProcess

MAX_KEYS = 10


@pytest.fixture(scope="module")
def second_sandbox(tmp_path_factory):
    """A second sandbox, whose user can have ten keys for these tests."""
    with SandboxProcess(tmp_path_factory.mktemp("keys") / "data") as process:
        process.manager = process.session()
        yield process


@pytest.fixture
def without_keys(second_sandbox):
    second_sandbox.manager.post("/api/v1/api-keys/revoke-all")
    return second_sandbox


def rows(session):
    return {row["id"]: row for row in session.get("/api/v1/api-keys").json()}


def seconds_from_now(seconds):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


def test_a_secret_is_48_random_bytes(key):
    assert len(base64.urlsafe_b64decode(key.secret.removeprefix("clapi_"))) == 48


def test_a_secret_is_in_no_file_of_the_sandbox(sandbox, key):
    key.client.get("/api/v1/public/whoami")
    kept = [path for path in sandbox.data_dir.parent.rglob("*") if path.is_file()]
    assert not [path for path in kept if key.secret.encode() in path.read_bytes()]


def test_the_eleventh_active_key_is_refused(without_keys):
    for _ in range(MAX_KEYS):
        make_key(without_keys, without_keys.manager)
    response = without_keys.manager.post("/api/v1/api-keys", json={"name": "one more"})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("Maximum active API keys reached")


def test_expired_and_revoked_keys_leave_room(without_keys):
    keys = [make_key(without_keys, without_keys.manager, expires_at=seconds_from_now(1.5)) for _ in range(MAX_KEYS)]
    while any(row["is_active"] for row in rows(without_keys.manager).values()):
        time.sleep(0.05)
    assert without_keys.manager.post("/api/v1/api-keys").status_code == 200
    assert len(rows(without_keys.manager).keys() & {key.id for key in keys}) == MAX_KEYS


def test_revoke_all_counts_the_active_keys_only(without_keys):
    for _ in range(3):
        make_key(without_keys, without_keys.manager)
    response = without_keys.manager.post("/api/v1/api-keys/revoke-all").json()
    assert response == {"success": True, "message": "3 API key(s) revoked successfully"}


def test_revoking_twice_succeeds_with_a_message(session, key):
    assert session.post(f"/api/v1/api-keys/{key.id}/revoke").json()["success"]
    again = session.post(f"/api/v1/api-keys/{key.id}/revoke")
    assert (again.status_code, again.json()["message"]) == (200, "API key was already revoked")


def test_an_unknown_key_cannot_be_revoked(session):
    response = session.post("/api/v1/api-keys/550e8400-e29b-41d4-a716-446655440000/revoke")
    assert (response.status_code, response.json()) == (404, {"detail": "API key not found"})


@pytest.mark.parametrize(
    "body",
    [{"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "soon"}, {"name": "x" * 256}, {"name": 7}],
)
def test_a_key_with_invalid_fields_is_refused(session, body):
    before = rows(session)
    assert session.post("/api/v1/api-keys", json=body).status_code == 422
    assert rows(session) == before


def test_requests_are_counted_and_dated(session, key):
    for _ in range(3):
        key.client.get("/api/v1/public/whoami")
    row = rows(session)[key.id]
    assert row["request_count"] == 3
    assert row["last_used_at"] > row["created_at"]


def test_refused_requests_are_logged_too(session, key):
    key.client.get("/api/v1/public/enrich/status")
    key.client.get("/api/v1/public/no-such-endpoint")
    key.client.post("/api/v1/public/enrich/bulk", content=b"{")
    logged = session.get(f"/api/v1/api-keys/{key.id}/requests").json()
    assert [row["status_code"] for row in logged] == [422, 404, 400]


@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_a_log_limit_outside_1_to_500_is_refused(session, key, limit):
    assert session.get(f"/api/v1/api-keys/{key.id}/requests", params={"limit": limit}).status_code == 422


@pytest.mark.parametrize(("limit", "rows_shown"), [(None, 100), (1, 1), (500, 500)])
def test_the_log_shows_the_latest_rows_up_to_the_limit(sandbox, session, key, limit, rows_shown):
    sandbox.control("requests", {"key_id": key.id, "count": 510, "status_code": 429})
    asked = {} if limit is None else {"limit": limit}
    shown = session.get(f"/api/v1/api-keys/{key.id}/requests", params=asked).json()
    assert len(shown) == rows_shown


def test_the_reduced_lists_show_prefix_and_last_four(sandbox, key):
    light = next(row for row in key.client.get("/api/v1/public/api-keys").json() if row["key_id"] == key.id)
    assert light == {
        "key_id": key.id,
        "key_prefix": key.secret[:10],
        "key_last4": key.secret[-4:],
        "is_active": True,
    }
    wrapped = key.client.get("/api/v2/api-keys").json()["keys"]
    assert light.items() <= next(row for row in wrapped if row["key_id"] == key.id).items()


def test_usage_aggregates_the_log(sandbox, key):
    sandbox.control("requests", {"key_id": key.id, "count": 7, "status_code": 500})
    report = key.client.get("/api/v1/public/usage", params={"group_by": "key"}).json()
    mine = next(row for row in report["rows"] if row["group"] == key.id)
    assert mine == {"group": key.id, "calls": 7, "credits_spent": 0.0, "errors": 7}
    assert report["total_calls"] == sum(row["calls"] for row in report["rows"])
