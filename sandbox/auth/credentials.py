"""`python -m sandbox credentials`: what a client needs to talk to this sandbox, as one JSON object.

The API key and the client token shown here are kept in clear in `credentials.json` (mode 0600), because the
database holds hashes only and both must stay the same from call to call. No other secret is kept.
"""

from typing import Any

from sqlalchemy.orm import Session

from sandbox import seed
from sandbox.data_dir import DataDir
from sandbox.db.column_types import utc_now
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, ClerkClientSession, User
from sandbox.settings import Settings

from . import api_keys
from .session_tokens import SessionTokens, find_client_session, open_client_session

CREDENTIALS_FILE = "credentials.json"
SERVER_URL_FILE = "address.json"
KEY_NAME = "Console"
DEFAULT_LIFETIME = 3600
FALLBACK_URL = "http://127.0.0.1:8001"


def collect_credentials(data_dir: DataDir, base_url: str | None, lifetime: int) -> dict[str, str]:
    """Return the credentials of the administering user, issuing what is missing.

    `lifetime` is that of the session token, in seconds. Works beside a running server and before the first
    start. Raises `ApiError` when all ten keys of the user are others and active.
    """
    url = base_url or data_dir.read_json(SERVER_URL_FILE).get("url", FALLBACK_URL)
    tokens = SessionTokens(data_dir, Settings(data_dir=data_dir.path, public_url=url))
    store = Store(data_dir.database)
    with store.session() as session:
        # Read and written under the database's write lock, so that two calls at once show the same key.
        kept = data_dir.read_json(CREDENTIALS_FILE)
        user = seed.ensure_default_organization(session)
        _ensure_key(session, user, kept)
        client_session = _ensure_client_session(session, user, kept)
        session_jwt = tokens.mint(client_session, lifetime)
        data_dir.write_json(CREDENTIALS_FILE, kept)
    store.close()
    return {
        "base_url": url,
        "organization_id": user.organization_id,
        "user_id": user.id,
        "session_jwt": session_jwt,
        "api_key": kept["api_key"],
        "control_token": data_dir.control_token,
        "clerk_frontend_api": url,
        "clerk_session_id": client_session.id,
        "clerk_client_token": kept["clerk_client_token"],
    }


def _ensure_key(session: Session, user: User, kept: dict[str, Any]) -> None:
    """Leave the kept key if it works, else issue another, at worst in place of the oldest issued here."""
    now = utc_now()
    issued = [session.get(ApiKey, key_id) for key_id in kept.get("issued_key_ids", [])]
    active = [key for key in issued if key is not None and key.is_active(now)]
    if "api_key" in kept and any(key.id == kept.get("api_key_id") for key in active):
        return
    if active and api_keys.count_active_keys(session, user.id, now) >= api_keys.MAX_API_KEYS_PER_USER:
        active.pop(0).revoked_at = now
        session.flush()
    secret, key = api_keys.issue_key(session, user.id, user.organization_id, KEY_NAME, None)
    kept["issued_key_ids"] = [*(old.id for old in active), key.id]
    kept["api_key_id"], kept["api_key"] = key.id, secret


def _ensure_client_session(session: Session, user: User, kept: dict[str, Any]) -> ClerkClientSession:
    found = find_client_session(session, kept.get("clerk_session_id", ""), kept.get("clerk_client_token", ""))
    if found is not None:
        return found
    kept["clerk_session_id"], kept["clerk_client_token"] = open_client_session(session, user)
    session.flush()
    return session.get_one(ClerkClientSession, kept["clerk_session_id"])
