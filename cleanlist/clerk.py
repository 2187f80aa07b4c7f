"""A management session that mints its own short-lived tokens through Clerk's front-end API."""

import asyncio
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from cleanlist.addresses import checked_base_url
from cleanlist.answers import result_of
from cleanlist.calls import Call, decoded, segment
from cleanlist.credentials import expiry_of
from cleanlist.errors import AuthenticationError, NotFound, SessionExpired, TimedOut
from cleanlist.secret import Secret, header_value
from cleanlist.timeouts import Deadline
from cleanlist.wire import Answer, AsyncWire, Line, SyncWire, Transport

_MARGIN: Final = timedelta(seconds=10)  # a token in its last seconds could expire on the way
_NEVER: Final = datetime(1970, 1, 2, tzinfo=UTC)
_FIX: Final = "Sign in to Cleanlist again and store the new client session in the workspace's settings."


class _Minted(msgspec.Struct, frozen=True):
    jwt: Secret


class ClerkSession:
    """A stored Clerk client session.

    `client_token` is the `__client` cookie of a signed-in browser. Tokens are minted when needed, kept until
    shortly before they expire, and minted by one thread, or one task of an event loop, at a time.
    """

    def __init__(
        self,
        frontend_api_url: str,
        session_id: str,
        client_token: Secret | str,
        *,
        transport: Transport | None = None,
    ) -> None:
        self._line = Line(checked_base_url(frontend_api_url), transport=transport)
        path = f"/v1/client/sessions/{segment(session_id)}/tokens"
        template = "/v1/client/sessions/{id}/tokens"
        self._mint = Call("POST", path, decoded(_Minted), confidential=True, template=template)
        cookie = header_value(client_token)
        self._secrets: Mapping[str, Secret] = {"Cookie": Secret(f"__client={cookie.reveal()}")}
        self._token: Secret | None = None
        self._good_until = _NEVER
        self._lock = threading.Lock()
        # A lock belongs to the loop in which it was first waited for; a session may outlive several loops.
        self._async_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def token(self, deadline: Deadline) -> Secret:
        """Return a token, minted now if need be. Raises `SessionExpired` if Clerk refuses to mint."""
        if not self._lock.acquire(timeout=deadline.remaining()):
            raise TimedOut("The session token took too long to come")
        try:
            kept = self._kept()
            if kept is not None:
                return kept
            with SyncWire(self._line) as wire:
                return self._accept(wire.exchange(self._mint, self._secrets, deadline))
        finally:
            self._lock.release()

    async def token_async(self, deadline: Deadline) -> Secret:
        """Do the same without blocking."""
        lock = await self._acquired(deadline)
        try:
            kept = self._kept()
            if kept is not None:
                return kept
            async with AsyncWire(self._line) as wire:
                return self._accept(await wire.exchange(self._mint, self._secrets, deadline))
        finally:
            lock.release()

    def discard(self, token: Secret) -> bool:
        """Forget a token that upstream refused; another one can be minted."""
        if self._token == token:
            self._token = None
        return True

    async def _acquired(self, deadline: Deadline) -> asyncio.Lock:
        lock = self._async_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), deadline.remaining())
        except TimeoutError:
            raise TimedOut("The session token took too long to come") from None
        return lock

    def _kept(self) -> Secret | None:
        return self._token if datetime.now(UTC) < self._good_until else None

    def _accept(self, answer: Answer) -> Secret:
        """Keep the minted token until shortly before its end; one without a readable end is used once."""
        refusal = None
        try:
            token = header_value(result_of(self._mint, answer).jwt)
        except (AuthenticationError, NotFound) as error:
            refusal = SessionExpired("The management session has ended", status=error.status, fix=_FIX)
        if refusal is not None:
            raise refusal
        self._token, self._good_until = token, (expiry_of(token) or _NEVER) - _MARGIN
        return token

    def __repr__(self) -> str:
        return f"ClerkSession({self._line.base_url!r})"
