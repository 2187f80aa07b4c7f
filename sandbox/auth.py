"""Who is calling: API keys by their hash, session tokens by their signature."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .columns import utc_now
from .errors import PUBLIC_PREFIX, V2_PREFIX, ApiError, invalid_token, to_response
from .sessions import SessionTokens, hash_secret, provision
from .settings import Settings
from .store import Store
from .tables import ApiKey, User

KEY_PREFIX = "clapi_"
EXTENSION_KEY_PREFIX = "clext_"


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

    def either(self, headers: Headers) -> Principal:
        """Accept an API key or a session token. Raises a 401 `ApiError`."""
        token = bearer_token(headers)
        return self._by_key(token) if token.startswith(KEY_PREFIX) else self._by_session(token)

    def session_only(self, headers: Headers) -> Principal:
        """Accept a session token, as key management does. Raises a 401 `ApiError`."""
        token = bearer_token(headers)
        if token.startswith(KEY_PREFIX):
            raise invalid_token("API keys cannot manage API keys: send a Clerk session token instead.")
        return self._by_session(token)

    def _by_key(self, token: str) -> Principal:
        query = select(ApiKey, User).join(User, User.id == ApiKey.user_id)
        with self._store.reading() as session:
            found = session.execute(query.where(ApiKey.key_hash == hash_secret(token))).one_or_none()
        if found is None:
            raise invalid_token("The API key is unknown or malformed.")
        key, user = found
        if key.revoked_at is not None:
            raise invalid_token("The API key has been revoked.")
        if not key.is_active(utc_now()):
            raise invalid_token("The API key has expired.")
        return _principal("api_key", user, key.organization_id, key.id)

    def _by_session(self, token: str) -> Principal:
        claims = self._tokens.verify(token)
        with self._store.reading() as session:
            user = session.get(User, claims.user_id)
        if user is None and self._settings.clerk_issuer:
            with self._store.session() as session:
                user = session.get(User, claims.user_id) or provision(session, claims)
        if user is None:
            raise invalid_token("The session's user does not exist here.")
        if claims.organization_id not in {None, user.organization_id}:
            raise invalid_token("The session's organization is not the user's.")
        return _principal("clerk_jwt", user, user.organization_id)


def _principal(
    auth_type: Literal["api_key", "clerk_jwt"], user: User, organization_id: str, key_id: str | None = None
) -> Principal:
    scopes = tuple(user.scopes)
    return Principal(auth_type, user.id, user.email, user.name, organization_id, scopes, key_id)


def bearer_token(headers: Headers) -> str:
    """Return the token of `Authorization: Bearer …`. Raises a 401 `ApiError` that names the likely slip."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token.startswith(EXTENSION_KEY_PREFIX):
        raise invalid_token("Keys that start with clext_ belong to the browser extension.")
    if scheme.lower() == "bearer" and token:
        return token
    if "x-api-key" in headers:
        raise invalid_token("Not authenticated: X-API-Key is not read.")
    raise invalid_token("Not authenticated")


class Authentication:
    """ASGI middleware: every public call gets its principal, or its 401, before anything else reads it."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate calls below the public prefixes; let others through."""
        if scope["type"] == "http" and scope["path"].startswith((PUBLIC_PREFIX, V2_PREFIX)):
            try:
                principal = await run_in_threadpool(self._authenticator.either, Headers(scope=scope))
            except ApiError as error:
                await to_response(scope["path"], error)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)
