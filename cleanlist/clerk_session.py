"""A management session that gets its own short-lived tokens from Clerk's front-end API."""

import asyncio
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from cleanlist.base_url import checked_base_url
from cleanlist.calls import Call, json_reader, quote_segment
from cleanlist.credentials import token_expiry
from cleanlist.errors import AuthenticationError, NotFound, SessionExpired, TimedOut
from cleanlist.parsing.responses import parse_response
from cleanlist.secret import Secret, header_value
from cleanlist.timeouts import Deadline
from cleanlist.transport.options import HttpxTransport, TransportOptions
from cleanlist.transport.response import Response
from cleanlist.transport.transports import AsyncTransport, SyncTransport

_EXPIRY_MARGIN: Final = timedelta(seconds=10)  # a token in its last seconds could expire in transit
_EXPIRED: Final = datetime(1970, 1, 2, tzinfo=UTC)
_SIGN_IN_AGAIN: Final = "Sign in to Cleanlist again and store the new client session in the workspace's settings."


class _MintedToken(msgspec.Struct, frozen=True):
    jwt: Secret


class ClerkSession:
    """A stored Clerk client session.

    `client_token` is the `__client` cookie of a signed-in browser. Tokens are minted when needed, kept until shortly
    before they expire, and minted by one thread, or one task of an event loop, at a time.
    """

    def __init__(
        self,
        frontend_api_url: str,
        session_id: str,
        client_token: Secret | str,
        *,
        transport: HttpxTransport | None = None,
    ) -> None:
        self._transport_options = TransportOptions(checked_base_url(frontend_api_url), transport=transport)
        path = f"/v1/client/sessions/{quote_segment(session_id)}/tokens"
        template = "/v1/client/sessions/{id}/tokens"
        self._mint = Call("POST", path, json_reader(_MintedToken), confidential=True, template=template)
        cookie = header_value(client_token)
        self._secrets: Mapping[str, Secret] = {"Cookie": Secret(f"__client={cookie.reveal()}")}
        self._token: Secret | None = None
        self._valid_until = _EXPIRED
        self._lock = threading.Lock()
        # A lock belongs to the event loop that first awaited it; a session may outlive several loops.
        self._async_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def token(self, deadline: Deadline) -> Secret:
        """Return a token, minting one if necessary. Raises `SessionExpired` if Clerk refuses."""
        if not self._lock.acquire(timeout=deadline.remaining()):
            raise TimedOut("The session token took too long to come")
        try:
            cached = self._cached_token()
            if cached is not None:
                return cached
            with SyncTransport(self._transport_options) as mint_transport:
                return self._store_token(mint_transport.send(self._mint, self._secrets, deadline))
        finally:
            self._lock.release()

    async def token_async(self, deadline: Deadline) -> Secret:
        """Return a token without blocking."""
        lock = await self._acquire_lock(deadline)
        try:
            cached = self._cached_token()
            if cached is not None:
                return cached
            async with AsyncTransport(self._transport_options) as mint_transport:
                return self._store_token(await mint_transport.send(self._mint, self._secrets, deadline))
        finally:
            lock.release()

    def discard(self, token: Secret) -> bool:
        """Discard a token that upstream refused; return True, because another can be minted."""
        if self._token == token:
            self._token = None
        return True

    async def _acquire_lock(self, deadline: Deadline) -> asyncio.Lock:
        lock = self._async_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), deadline.remaining())
        except TimeoutError:
            raise TimedOut("The session token took too long to come") from None
        return lock

    def _cached_token(self) -> Secret | None:
        return self._token if datetime.now(UTC) < self._valid_until else None

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
