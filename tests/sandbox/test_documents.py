"""The curl lines of the documentation, with only host and credentials replaced."""

import re

import pytest

from .curl import run_curl

SECRET = re.compile(r"clapi_[A-Za-z0-9_-]{64}$")


def curl(sandbox, line, **more):
    credentials = sandbox.credentials()
    values = {
        "$CLEANLIST_API_KEY": credentials["api_key"],
        "clapi_your_api_key": credentials["api_key"],
        "$CLERK_SESSION_JWT": credentials["session_jwt"],
        "<clerk_session_jwt>": credentials["session_jwt"],
    }
    return run_curl(line, sandbox.base_url, **values, **more)


def test_validate_key_returns_the_owner(sandbox):
    response = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/public/auth/validate-key \\
           -H "Authorization: Bearer $CLEANLIST_API_KEY" """,
    )
    credentials = sandbox.credentials()
    assert response.json() == {
        "valid": True,
        "user_id": credentials["user_id"],
        "organization_id": credentials["organization_id"],
    }


@pytest.mark.parametrize("secret", ["$CLEANLIST_API_KEY", "clapi_your_api_key"])
def test_the_balance_is_a_number_of_credits(sandbox, session, secret):
    response = curl(
        sandbox,
        f"""curl https://api.cleanlist.ai/api/v1/public/credits/balance \\
            -H "Authorization: Bearer {secret}" """,
    )
    assert response.json() == {
        "organization_id": sandbox.credentials()["organization_id"],
        "credits": response.json()["credits"],
    }
    assert response.json()["credits"] >= 0


def test_creating_a_key_shows_its_secret_and_expiry(sandbox, session):
    response = curl(
        sandbox,
        """curl -X POST https://api.cleanlist.ai/api/v1/api-keys \\
           -H "Authorization: Bearer <clerk_session_jwt>" \\
           -H "Content-Type: application/json" \\
           -d '{
             "name": "Production server",
             "expires_at": "2127-01-01T00:00:00Z"
           }'""",
    )
    assert response.status_code == 200
    assert response.json().keys() == {"api_key", "created_at", "expires_at"}
    assert SECRET.match(response.json()["api_key"])
    assert response.json()["expires_at"] == "2127-01-01T00:00:00Z"


def test_the_list_shows_a_key_without_its_secret(sandbox, key):
    response = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/api-keys \\
           -H "Authorization: Bearer <clerk_session_jwt>" """,
    )
    row = next(row for row in response.json() if row["id"] == key.id)
    assert row == {
        "id": key.id,
        "name": None,
        "key_prefix": key.secret[:10],
        "key_last4": key.secret[-4:],
        "created_at": row["created_at"],
        "expires_at": None,
        "last_used_at": None,
        "request_count": 0,
        "is_active": True,
    }
    assert key.secret not in response.text


@pytest.mark.parametrize("token", ["<clerk_session_jwt>", "$CLERK_SESSION_JWT"])
def test_a_revoked_key_is_refused_from_then_on(sandbox, key, token):
    response = curl(
        sandbox,
        f"""curl -X POST "https://api.cleanlist.ai/api/v1/api-keys/$KEY_ID/revoke" \\
            -H "Authorization: Bearer {token}" """,
        **{"$KEY_ID": key.id},
    )
    assert response.status_code == 200
    assert key.client.get("/api/v1/public/auth/validate-key").status_code == 401


def test_a_keys_requests_are_listed_newest_first(sandbox, key):
    key.client.get("/api/v1/public/credits/balance", headers={"User-Agent": "first"})
    key.client.get("/api/v1/public/whoami", headers={"User-Agent": "second"})
    response = curl(
        sandbox,
        """curl "https://api.cleanlist.ai/api/v1/api-keys/$KEY_ID/requests?limit=100" \\
           -H "Authorization: Bearer <clerk_session_jwt>" """,
        **{"$KEY_ID": key.id},
    )
    newest, oldest = response.json()
    assert (newest["user_agent"], oldest["user_agent"]) == ("second", "first")
    assert newest.keys() == {
        "id",
        "method",
        "path",
        "status_code",
        "duration_ms",
        "ip_address",
        "user_agent",
        "created_at",
    }
    assert (oldest["method"], oldest["path"]) == ("GET", "/api/v1/public/credits/balance")
    assert (oldest["status_code"], oldest["ip_address"]) == (200, "127.0.0.1")


def test_whoami_shows_scopes_and_tier_and_masks_the_email(sandbox):
    response = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/public/whoami \\
           -H "Authorization: Bearer clapi_your_api_key" """,
    )
    assert response.json()["auth_type"] == "api_key"
    assert response.json()["user_email"] == "o***@example-works.test"
    assert "enrich:write" in response.json()["scopes"]
    assert response.json()["tier"] == "pro"


def test_the_delivery_log_can_be_filtered_by_workflow(sandbox):
    response = curl(
        sandbox,
        """curl "https://api.cleanlist.ai/api/v1/public/webhooks/deliveries?workflow_id=$WORKFLOW_ID" \\
           -H "Authorization: Bearer $CLEANLIST_API_KEY" """,
        **{"$WORKFLOW_ID": "public_bulk_none"},
    )
    assert response.json() == {"deliveries": []}
