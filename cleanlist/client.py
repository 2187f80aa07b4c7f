"""The two clients. Each sends a call through the same named stages: token, exchange, result, retry."""

from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

from cleanlist.addresses import checked_base_url
from cleanlist.answers import result_of
from cleanlist.calls import Call
from cleanlist.connections import Connections
from cleanlist.credentials import Credential
from cleanlist.resources import (
    Account,
    ApiKeys,
    AsyncSender,
    Credits,
    Enrichments,
    PublicKeys,
    S,
    SyncSender,
    Usage,
    Webhooks,
)
from cleanlist.retries import Retries, attempts
from cleanlist.secret import Secret
from cleanlist.timeouts import Deadline, Timeouts
from cleanlist.wire import MAX_RESPONSE_BYTES, USER_AGENT, Answer, AsyncWire, Line, SyncWire, Transport

T = TypeVar("T")


class Options(TypedDict, total=False):
    """What both clients may be told besides address and credential.

    `transport` replaces the network (tests pass `httpx.MockTransport`); who passes one closes it.
    """

    timeouts: Timeouts
    retries: Retries | int
    transport: Transport | None
    max_response_bytes: int
    user_agent: str


class _Settings:
    """The options with their defaults."""

    def __init__(self, base_url: str, options: Options) -> None:
        retries = options.get("retries", Retries())
        self.timeouts: Final = options.get("timeouts", Timeouts())
        self.retries: Final = Retries(count=retries) if isinstance(retries, int) else retries
        self.line: Final = Line(
            base_url=checked_base_url(base_url),
            max_response_bytes=options.get("max_response_bytes", MAX_RESPONSE_BYTES),
            user_agent=options.get("user_agent", USER_AGENT),
            transport=options.get("transport"),
        )


class _Calls(Account[S]):
    """The calls, by noun."""

    def __init__(self, sender: S) -> None:
        super().__init__(sender)
        self.api_keys: ApiKeys[S] = ApiKeys(sender)
        self.public_keys: PublicKeys[S] = PublicKeys(sender)
        self.credits: Credits[S] = Credits(sender)
        self.usage: Usage[S] = Usage(sender)
        self.webhooks: Webhooks[S] = Webhooks(sender)
        self.enrich: Enrichments[S] = Enrichments(sender)


class Client(_Calls[SyncSender]):
    """Talks to one Cleanlist API with one credential; usable from several threads.

    Each call raises a `cleanlist.errors.CleanlistError` when it fails. Raises `ValueError` for an address
    that cannot be that of an API.
    """

    def __init__(self, base_url: str, credential: Credential, **options: Unpack[Options]) -> None:
        super().__init__(self)
        self._credential = credential
        self._settings = _Settings(base_url, options)
        self._wire = SyncWire(self._settings.line)

    def send(self, call: Call[T]) -> T:
        """Send a call within its total time, again if that is safe and may help."""
        deadline = Deadline(self._settings.timeouts)
        for attempt in attempts(self._settings.retries, call, deadline):
            with attempt:
                return result_of(call, self._attempt(call, deadline))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, call: Call[Any], deadline: Deadline) -> Answer:
        """Send once; twice if a minted token was refused and the call changes nothing."""
        token = self._credential.token(deadline)
        answer = self._wire.exchange(call, _bearer(token), deadline)
        if answer.status == 401 and self._credential.discard(token) and call.idempotent:
            answer = self._wire.exchange(call, _bearer(self._credential.token(deadline)), deadline)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._settings.line.base_url!r})"


class AsyncClient(_Calls[AsyncSender]):
    """The same calls, awaited; an instance serves one event loop. With `connections` it opens none of its own."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        connections: Connections | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(self)
        self._credential = credential
        self._settings = _Settings(base_url, options)
        self._wire = AsyncWire(self._settings.line, connections.http if connections else None)

    async def send(self, call: Call[T]) -> T:
        """Send a call within its total time, again if that is safe and may help."""
        deadline = Deadline(self._settings.timeouts)
        async for attempt in attempts(self._settings.retries, call, deadline):
            with attempt:
                return result_of(call, await self._attempt(call, deadline))
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, call: Call[Any], deadline: Deadline) -> Answer:
        """Send once; twice if a minted token was refused and the call changes nothing."""
        token = await self._credential.token_async(deadline)
        answer = await self._wire.exchange(call, _bearer(token), deadline)
        if answer.status == 401 and self._credential.discard(token) and call.idempotent:
            answer = await self._wire.exchange(call, _bearer(await self._credential.token_async(deadline)), deadline)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._settings.line.base_url!r})"


def _bearer(token: Secret) -> dict[str, Secret]:
    return {"Authorization": Secret(f"Bearer {token.reveal()}")}
