"""`python -m sandbox credentials`: what a client needs to use this sandbox, as a JSON object.

The API key and the client token are stored in clear in `credentials.json` (mode 0600), because the database has
only hashes and both must be the same at every call. No other secret is stored.
"""

from pathlib import Path

from sqlalchemy.orm import Session

from sandbox import seed
from sandbox.data_dir import DataDir
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, ClerkClientSession, User
from sandbox.settings import Settings

from . import api_keys
from .session_tokens import SessionTokens, find_client_session, open_client_session

CREDENTIALS_FILE = "credentials.json"
SERVER_URL_FILE = "address.json"
KEY_NAME = "Console"
DEFAULT_LIFETIME = 3600
# How many keys that were issued here, one after another was revoked, come back with the scenario `normal`.
MAX_ISSUED = 3
FALLBACK_URL = "http://127.0.0.1:8001"


def collect_credentials(data_dir: DataDir, base_url: str | None, lifetime: int) -> dict[str, str]:
    """Return the credentials of the administrator, issuing what is missing.

    `lifetime` is that of the session token, in seconds. Works while the server runs and before its first start.
    Raises `ApiError` when the user already has ten other active keys.
    """
    url = base_url or data_dir.read_json(SERVER_URL_FILE).get("url", FALLBACK_URL)
    tokens = SessionTokens(data_dir, Settings(data_dir=data_dir.path, public_url=url))
    store = Store(data_dir.database)
    with store.session() as session:
        # Read and written under the database's write lock, so that concurrent calls return the same key.
        stored = data_dir.read_json(CREDENTIALS_FILE)
        user = seed.ensure_default_organization(session)
        _ensure_key(session, user, stored)
        client_session = _ensure_client_session(session, user, stored)
        session_jwt = tokens.mint(client_session, lifetime)
        data_dir.write_json(CREDENTIALS_FILE, stored)
    store.close()
    return {
        "base_url": url,
        "organization_id": user.organization_id,
        "user_id": user.id,
        "session_jwt": session_jwt,
        "api_key": stored["api_key"],
        "control_token": data_dir.control_token,
        "clerk_frontend_api": url,
        "clerk_session_id": client_session.id,
        "clerk_client_token": stored["clerk_client_token"],
    }


def issue_shown_key(session: Session, user: User, data_dir: DataDir) -> None:
    """Issue the key that the page at `/` shows, and that `collect_credentials` returns from then on."""
    stored = data_dir.read_json(CREDENTIALS_FILE)
    _ensure_key(session, user, stored)
    data_dir.write_json(CREDENTIALS_FILE, stored)


def credentials_command() -> str:
    """Return how people let this program print its credentials: installed from the wheel, or in a checkout."""
    installed = "site-packages" in Path(__file__).parts
    return f"{'cleanlist-sandbox' if installed else 'python -m sandbox'} credentials"


def _ensure_key(session: Session, user: User, stored: JsonObject) -> None:
    """Keep the stored key if it is active; else issue another, if need be in place of the oldest issued here."""
    now = utc_now()
    found = [session.get(ApiKey, key_id) for key_id in stored.get("issued_key_ids", [])]
    issued = [key for key in found if key is not None]
    active = [key for key in issued if key.is_active(now)]
    if "api_key" in stored and any(key.id == stored.get("api_key_id") for key in active):
        return
    if active and api_keys.count_active_keys(session, user.id, now) >= api_keys.MAX_API_KEYS_PER_USER:
        active.pop(0).revoked_at = now
        session.flush()
    secret, key = api_keys.issue_key(session, user.id, user.organization_id, KEY_NAME, None)
    stored["issued_key_ids"] = [*(old.id for old in issued), key.id][-MAX_ISSUED:]
    stored["api_key_id"], stored["api_key"] = key.id, secret


def _ensure_client_session(session: Session, user: User, stored: JsonObject) -> ClerkClientSession:
    found = find_client_session(session, stored.get("clerk_session_id", ""), stored.get("clerk_client_token", ""))
    if found is not None:
        return found
    stored["clerk_session_id"], stored["clerk_client_token"] = open_client_session(session, user)
    session.flush()
    return session.get_one(ClerkClientSession, stored["clerk_session_id"])
