"""Authentication of callers: API keys by their hash, session tokens by their signature."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, select
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.db.column_types import utc_now
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, User
from sandbox.errors import PUBLIC_PREFIX, V2_PREFIX, ApiError, error_response, invalid_token, no_connection
from sandbox.settings import Settings

from .session_tokens import SessionTokens, create_user_from_claims, hash_secret

KEY_PREFIX = "clapi_"
EXTENSION_KEY_PREFIX = "clext_"


# Columns rather than objects, which take three times as long: every public call needs this query.
_KEY_AND_OWNER = (
    select(ApiKey.id, ApiKey.organization_id, ApiKey.expires_at, ApiKey.revoked_at)
    .add_columns(User.id, User.email, User.name, User.scopes)
    .join(User, User.id == ApiKey.user_id)
    .where(ApiKey.key_hash == bindparam("key_hash"))
)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; `api_key_id` is None for a session."""

    auth_type: Literal["api_key", "clerk_jwt"]
    user_id: str
    user_email: str
    user_name: str
    organization_id: str
    scopes: tuple[str, ...]
    api_key_id: str | None = None


class Authenticator:
    """Turns an Authorization header into a principal."""

    def __init__(self, store: Store, tokens: SessionTokens, settings: Settings) -> None:
        self._store = store
        self._tokens = tokens
        self._settings = settings

    async def authenticate(self, headers: Headers) -> Principal:
        """Accept an API key or a session token. Raises a 401 `ApiError`.

        A key is looked up on the event loop, which is faster than in a thread; readers of this database never wait.
        """
        token = bearer_token(headers)
        if token.startswith(KEY_PREFIX):
            return self._by_key(token)
        return await run_in_threadpool(self._by_session, token)

    def session_only(self, headers: Headers) -> Principal:
        """Accept a session token, as key management does. Raises a 401 `ApiError`."""
        token = bearer_token(headers)
        if token.startswith(KEY_PREFIX):
            raise invalid_token("API keys cannot manage API keys: send a Clerk session token instead.")
        return self._by_session(token)

    def _by_key(self, token: str) -> Principal:
        found = self._store.look_up(_KEY_AND_OWNER, {"key_hash": hash_secret(token)})
        if found is None:
            raise invalid_token("The API key is unknown or malformed.")
        key_id, organization_id, expires_at, revoked_at, user_id, email, name, scopes = found
        if revoked_at is not None:
            raise invalid_token("The API key has been revoked.")
        if expires_at is not None and expires_at <= utc_now():
            raise invalid_token("The API key has expired.")
        return Principal("api_key", user_id, email, name, organization_id, tuple(scopes), key_id)

    def _by_session(self, token: str) -> Principal:
        claims = self._tokens.verify(token)
        with self._store.reading() as session:
            user = session.get(User, claims.user_id)
        if user is None and self._settings.clerk_issuer:
            with self._store.session() as session:
                user = session.get(User, claims.user_id) or create_user_from_claims(session, claims)
        if user is None:
            raise invalid_token("The session's user does not exist here.")
        if claims.organization_id not in {None, user.organization_id}:
            raise invalid_token("The session's organization is not the user's.")
        scopes = tuple(user.scopes)
        return Principal("clerk_jwt", user.id, user.email, user.name, user.organization_id, scopes)


def bearer_token(headers: Headers) -> str:
    """Return the token of `Authorization: Bearer …`. Raises a 401 `ApiError` that names the likely mistake."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token.startswith(EXTENSION_KEY_PREFIX):
        raise invalid_token("Keys that start with clext_ belong to the browser extension.")
    if scheme.lower() == "bearer" and token:
        return token
    if "x-api-key" in headers:
        raise invalid_token("Not authenticated: X-API-Key is not read.")
    raise invalid_token("Not authenticated")


class AuthenticationMiddleware:
    """ASGI middleware: every public call gets its principal or a 401 before anything else reads it."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate calls below the public prefixes; pass others on."""
        if scope["type"] == "http" and scope["path"].startswith((PUBLIC_PREFIX, V2_PREFIX)):
            try:
                principal = await self._authenticator.authenticate(Headers(scope=scope))
            except ApiError as error:
                await error_response(scope["path"], error)(scope, receive, send)
                return
            except NoConnection:  # the handlers of the application are behind this
                await error_response(scope["path"], no_connection())(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)
