"""The curl lines of the two documents, with only the host and the credentials changed."""

import re

import pytest

from .curl import run_curl

SECRET = re.compile(r"clapi_[A-Za-z0-9_-]{64}$")


def curl(sandbox, line, **more):
    shown = sandbox.credentials()
    values = {
        "$CLEANLIST_API_KEY": shown["api_key"],
        "clapi_your_api_key": shown["api_key"],
        "$CLERK_SESSION_JWT": shown["session_jwt"],
        "<clerk_session_jwt>": shown["session_jwt"],
    }
    return run_curl(line, sandbox.base_url, **values, **more)


def test_validate_key_says_whose_it_is(sandbox):
    answer = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/public/auth/validate-key \\
           -H "Authorization: Bearer $CLEANLIST_API_KEY" """,
    )
    shown = sandbox.credentials()
    assert answer.json() == {
        "valid": True,
        "user_id": shown["user_id"],
        "organization_id": shown["organization_id"],
    }


@pytest.mark.parametrize("secret", ["$CLEANLIST_API_KEY", "clapi_your_api_key"])
def test_the_balance_is_a_number_of_credits(sandbox, session, secret):
    answer = curl(
        sandbox,
        f"""curl https://api.cleanlist.ai/api/v1/public/credits/balance \\
            -H "Authorization: Bearer {secret}" """,
    )
    assert answer.json() == {
        "organization_id": sandbox.credentials()["organization_id"],
        "credits": answer.json()["credits"],
    }
    assert answer.json()["credits"] >= 0


def test_creating_a_key_shows_its_secret_and_expiry(sandbox, session):
    answer = curl(
        sandbox,
        """curl -X POST https://api.cleanlist.ai/api/v1/api-keys \\
           -H "Authorization: Bearer <clerk_session_jwt>" \\
           -H "Content-Type: application/json" \\
           -d '{
             "name": "Production server",
             "expires_at": "2127-01-01T00:00:00Z"
           }'""",
    )
    assert answer.status_code == 200
    assert answer.json().keys() == {"api_key", "created_at", "expires_at"}
    assert SECRET.match(answer.json()["api_key"])
    assert answer.json()["expires_at"] == "2127-01-01T00:00:00Z"


def test_the_list_shows_a_key_without_its_secret(sandbox, key):
    answer = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/api-keys \\
           -H "Authorization: Bearer <clerk_session_jwt>" """,
    )
    row = next(row for row in answer.json() if row["id"] == key.id)
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
    assert key.secret not in answer.text


@pytest.mark.parametrize("token", ["<clerk_session_jwt>", "$CLERK_SESSION_JWT"])
def test_a_revoked_key_is_refused_from_then_on(sandbox, key, token):
    answer = curl(
        sandbox,
        f"""curl -X POST "https://api.cleanlist.ai/api/v1/api-keys/$KEY_ID/revoke" \\
            -H "Authorization: Bearer {token}" """,
        **{"$KEY_ID": key.id},
    )
    assert answer.status_code == 200
    assert key.client.get("/api/v1/public/auth/validate-key").status_code == 401


def test_a_keys_requests_are_listed_newest_first(sandbox, key):
    key.client.get("/api/v1/public/credits/balance", headers={"User-Agent": "first"})
    key.client.get("/api/v1/public/whoami", headers={"User-Agent": "second"})
    answer = curl(
        sandbox,
        """curl "https://api.cleanlist.ai/api/v1/api-keys/$KEY_ID/requests?limit=100" \\
           -H "Authorization: Bearer <clerk_session_jwt>" """,
        **{"$KEY_ID": key.id},
    )
    newest, oldest = answer.json()
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


def test_whoami_shows_scopes_and_tier_and_masks_the_address(sandbox):
    answer = curl(
        sandbox,
        """curl https://api.cleanlist.ai/api/v1/public/whoami \\
           -H "Authorization: Bearer clapi_your_api_key" """,
    )
    assert answer.json()["auth_type"] == "api_key"
    assert answer.json()["user_email"] == "o***@example-works.test"
    assert "enrich:write" in answer.json()["scopes"]
    assert answer.json()["tier"] == "pro"


def test_the_delivery_log_can_be_asked_for_one_workflow(sandbox):
    answer = curl(
        sandbox,
        """curl "https://api.cleanlist.ai/api/v1/public/webhooks/deliveries?workflow_id=$WORKFLOW_ID" \\
           -H "Authorization: Bearer $CLEANLIST_API_KEY" """,
        **{"$WORKFLOW_ID": "public_bulk_none"},
    )
    assert answer.json() == {"deliveries": []}
