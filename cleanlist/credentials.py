"""Credentials: an API key, a pasted session token, or a stored Clerk session that mints short-lived tokens."""

import asyncio
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from weakref import WeakKeyDictionary

import jwt
import msgspec

from cleanlist.base_url import checked_base_url
from cleanlist.calls import Call, json_reader, quote_segment
from cleanlist.errors import AuthenticationError, NotFound, SessionExpired, TimedOut
from cleanlist.parsing.responses import parse_response
from cleanlist.secret import Secret, header_value
from cleanlist.secret_formats import API_KEY_PREFIX, EXTENSION_KEY_PREFIX, KEY_LENGTH
from cleanlist.timeouts import Deadline
from cleanlist.transport.connection_pool import Connections
from cleanlist.transport.options import HttpxTransport, TransportOptions
from cleanlist.transport.response import Response
from cleanlist.transport.transports import AsyncTransport, SyncTransport

_QUOTES: Final = "[\"'`\u2018\u2019\u201c\u201d]"  # straight and typographic
_EXPIRY_MARGIN: Final = timedelta(seconds=10)  # a token in its last seconds could expire in transit
_EXPIRED: Final = datetime(1970, 1, 2, tzinfo=UTC)
_SIGN_IN_AGAIN: Final = "Sign in to Cleanlist again, then save the new client session in the workspace's settings."


class Credential(Protocol):
    """A source of bearer tokens."""

    def token(self, deadline: Deadline) -> Secret:
        """Return a valid token. Raises `SessionExpired` if there is none."""

    async def token_async(self, deadline: Deadline, connections: Connections | None = None) -> Secret:
        """Return a token without blocking. A request for one uses ``connections``, if there are any."""

    def discard(self, token: Secret) -> bool:
        """Discard a token that upstream refused. Return whether another one is available."""


class _FixedToken:
    """A fixed token."""

    def __init__(self, token: Secret | str) -> None:
        self._token = header_value(token)

    def token(self, deadline: Deadline) -> Secret:  # noqa: ARG002 - the protocol's signature
        """Return the token."""
        return self._token

    async def token_async(self, deadline: Deadline, connections: Connections | None = None) -> Secret:  # noqa: ARG002 - the protocol's signature
        """Return the token."""
        return self.token(deadline)

    def discard(self, token: Secret) -> bool:  # noqa: ARG002 - the protocol's signature
        """Return False: there is no other token."""
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._token!r})"


class ApiKeyCredential(_FixedToken):
    """An API key, `clapi_…`. Raises `ValueError` for one that does not fit into a header."""


class StaticSession(_FixedToken):
    """A pasted session token (JWT): valid until it expires, about a minute after it was issued.

    `expires_at` is read from the token without verifying it, which is upstream's task; None if unreadable.
    """

    def __init__(self, token: Secret | str) -> None:
        super().__init__(token)
        self.expires_at: datetime | None = token_expiry(self._token)

    def token(self, deadline: Deadline) -> Secret:
        """Return the token. Raises `SessionExpired`, without a request, if the token has expired."""
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            raise SessionExpired(f"The session token expired at {self.expires_at:%Y-%m-%d %H:%M:%S} UTC")
        return super().token(deadline)


def token_expiry(token: Secret) -> datetime | None:
    """Return the time in a JWT's `exp` without verifying it; None if it cannot be read."""
    try:
        claims = jwt.decode(token.reveal(), options={"verify_signature": False, "verify_exp": False})
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def describe_key_format(text: str) -> str | None:
    """Describe the format error of a pasted API key; None if there is none.

    The description never contains the key. The documented format is `clapi_` and 48 random bytes in URL-safe base64.
    """
    extra_text = _describe_extra_text(text)
    if extra_text:
        return extra_text
    if text.startswith(EXTENSION_KEY_PREFIX):
        return "This key (clext_…) belongs to the browser extension and is not valid here; use a clapi_… key."
    if not text.startswith(API_KEY_PREFIX):
        return "An API key starts with clapi_."
    return _describe_key_body(text.removeprefix(API_KEY_PREFIX))


def _describe_extra_text(text: str) -> str | None:
    if not text.strip():
        return "Paste the API key."
    if re.search(r"\bbearer\s", text, re.IGNORECASE):
        return 'Remove "Bearer" and anything before it; paste only the key.'
    if re.search(_QUOTES, text):
        return "Remove the quotes around the key."
    if re.search(r"\s", text):
        return "The key contains a space or a line break. Paste only the complete key."
    return None


def _describe_key_body(body: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", body):
        return "The key contains a character that API keys don't use. Paste only the complete key."
    length = len(API_KEY_PREFIX) + len(body)
    if length != KEY_LENGTH:
        return f"An API key has {KEY_LENGTH} characters; this one has {length}. Is part of it missing?"
    return None


class _MintedToken(msgspec.Struct, frozen=True):
    jwt: Secret


class TokenCache(Protocol):
    """Keeps a session's token for other processes. Both methods may block; neither raises anything."""

    def load(self) -> Secret | None:
        """Return the token that was saved last, if it is still kept."""

    def save(self, token: Secret, seconds: float) -> None:
        """Keep the token for `seconds`."""


class ClerkSession:
    """A stored Clerk client session.

    `client_token` is the `__client` cookie of a signed-in browser. Tokens are minted when needed, kept until shortly
    before they expire, and minted by one thread, or one task of an event loop, at a time. With `cache`, processes share
    them.
    """

    def __init__(
        self,
        frontend_api_url: str,
        session_id: str,
        client_token: Secret | str,
        *,
        cache: TokenCache | None = None,
        transport: HttpxTransport | None = None,
    ) -> None:
        self._transport_options = TransportOptions(checked_base_url(frontend_api_url), transport=transport)
        path = f"/v1/client/sessions/{quote_segment(session_id)}/tokens"
        template = "/v1/client/sessions/{id}/tokens"
        self._mint = Call("POST", path, json_reader(_MintedToken), confidential=True, template=template)
        cookie = header_value(client_token)
        self._secrets: Mapping[str, Secret] = {"Cookie": Secret(f"__client={cookie.reveal()}")}
        self._cache = cache
        self._token: Secret | None = None
        self._refused: Secret | None = None
        self._valid_until = _EXPIRED
        self._lock = threading.Lock()
        # A lock belongs to the event loop that first awaited it; a session may outlive several loops.
        self._async_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def token(self, deadline: Deadline) -> Secret:
        """Return a token, minting one if necessary. Raises `SessionExpired` if Clerk refuses."""
        if not self._lock.acquire(timeout=deadline.remaining()):
            raise TimedOut("The session token request timed out")
        try:
            cached = self._cached_token() or self._load_token()
            if cached is not None:
                return cached
            with SyncTransport(self._transport_options) as mint_transport:
                token = self._store_token(mint_transport.send(self._mint, self._secrets, deadline))
            self._save_token(token)
            return token
        finally:
            self._lock.release()

    async def token_async(self, deadline: Deadline, connections: Connections | None = None) -> Secret:
        """Return a token without blocking."""
        lock = await self._acquire_lock(deadline)
        try:
            cached = self._cached_token()
            if cached is None and self._cache is not None:
                cached = await asyncio.to_thread(self._load_token)
            if cached is not None:
                return cached
            shared = connections.http if connections else None
            async with AsyncTransport(self._transport_options, shared) as mint_transport:
                token = self._store_token(await mint_transport.send(self._mint, self._secrets, deadline))
            if self._cache is not None:
                await asyncio.to_thread(self._save_token, token)
            return token
        finally:
            lock.release()

    def discard(self, token: Secret) -> bool:
        """Discard a token that upstream refused; return True, because another can be minted."""
        if self._token == token:
            self._token, self._refused = None, token
        return True

    async def _acquire_lock(self, deadline: Deadline) -> asyncio.Lock:
        lock = self._async_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), deadline.remaining())
        except TimeoutError:
            raise TimedOut("The session token request timed out") from None
        return lock

    def _cached_token(self) -> Secret | None:
        return self._token if datetime.now(UTC) < self._valid_until else None

    def _load_token(self) -> Secret | None:
        """Return the token that another process has minted, unless upstream refused it here."""
        token = self._cache.load() if self._cache else None
        if token is None or token == self._refused:
            return None
        self._token, self._valid_until = token, (token_expiry(token) or _EXPIRED) - _EXPIRY_MARGIN
        return self._cached_token()

    def _save_token(self, token: Secret) -> None:
        seconds = (self._valid_until - datetime.now(UTC)).total_seconds()
        if self._cache is not None and seconds > 0:
            self._cache.save(token, seconds)

    def _store_token(self, response: Response) -> Secret:
        """Cache the minted token until shortly before it expires; if its expiry is unreadable, use it only once."""
        refusal = None
        try:
            token = header_value(parse_response(self._mint, response).jwt)
        except (AuthenticationError, NotFound) as error:
            refusal = SessionExpired("The management session has ended", status=error.status, fix=_SIGN_IN_AGAIN)
        if refusal is not None:
            raise refusal
        self._token, self._valid_until = token, (token_expiry(token) or _EXPIRED) - _EXPIRY_MARGIN
        return token

    def __repr__(self) -> str:
        return f"ClerkSession({self._transport_options.base_url!r})"
