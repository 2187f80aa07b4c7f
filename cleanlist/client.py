"""The two clients. Each sends a call through the same stages: token, exchange, result, retry."""

from typing import Final, Self, TypedDict, TypeVar, Unpack

from cleanlist.base_url import checked_base_url
from cleanlist.calls import Call
from cleanlist.credentials import Credential
from cleanlist.parsing.responses import parse_response
from cleanlist.resources import (
    Account,
    ApiKeys,
    AsyncSender,
    Credits,
    Enrichments,
    Lists,
    PublicKeys,
    S,
    SmartAgents,
    SyncSender,
    Usage,
    Webhooks,
)
from cleanlist.retries import Retries, retry_attempts
from cleanlist.secret import Secret
from cleanlist.timeouts import Deadline, Timeouts
from cleanlist.transport.connection_pool import Connections
from cleanlist.transport.options import MAX_RESPONSE_BYTES, USER_AGENT, HttpxTransport, TransportOptions
from cleanlist.transport.response import Response
from cleanlist.transport.transports import AsyncTransport, SyncTransport

T = TypeVar("T")


class ClientOptions(TypedDict, total=False):
    """Options of both clients, in addition to base URL and credential.

    `transport` replaces the network (tests pass `httpx.MockTransport`); its creator closes it.
    """

    timeouts: Timeouts
    retries: Retries | int
    transport: HttpxTransport | None
    max_response_bytes: int
    user_agent: str


class _ResolvedOptions:
    """The options with their defaults filled in."""

    def __init__(self, base_url: str, options: ClientOptions) -> None:
        retries = options.get("retries", Retries())
        self.timeouts: Final = options.get("timeouts", Timeouts())
        self.retries: Final = Retries(count=retries) if isinstance(retries, int) else retries
        self.transport: Final = TransportOptions(
            base_url=checked_base_url(base_url),
            max_response_bytes=options.get("max_response_bytes", MAX_RESPONSE_BYTES),
            user_agent=options.get("user_agent", USER_AGENT),
            transport=options.get("transport"),
        )


class _Resources(Account[S]):
    """The resources of the API."""

    def __init__(self, sender: S) -> None:
        super().__init__(sender)
        self.api_keys: ApiKeys[S] = ApiKeys(sender)
        self.public_keys: PublicKeys[S] = PublicKeys(sender)
        self.credits: Credits[S] = Credits(sender)
        self.usage: Usage[S] = Usage(sender)
        self.webhooks: Webhooks[S] = Webhooks(sender)
        self.enrich: Enrichments[S] = Enrichments(sender)
        self.lists: Lists[S] = Lists(sender)
        self.smart_agents: SmartAgents[S] = SmartAgents(sender)


class Client(_Resources[SyncSender]):
    """A client for one Cleanlist API with one credential; usable from several threads.

    Each call raises a `cleanlist.errors.CleanlistError` when it fails. The constructor raises `ValueError` for an
    invalid base URL.
    """

    def __init__(self, base_url: str, credential: Credential, **options: Unpack[ClientOptions]) -> None:
        super().__init__(self)
        self._credential = credential
        self._options = _ResolvedOptions(base_url, options)
        self._transport = SyncTransport(self._options.transport)

    def send(self, call: Call[T]) -> T:
        """Send a call within its total time; retry if that is safe and may help."""
        deadline = Deadline(self._options.timeouts)
        for attempt in retry_attempts(self._options.retries, call, deadline):
            with attempt:
                return parse_response(call, self._attempt(call, deadline))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, call: Call[object], deadline: Deadline) -> Response:
        """Send once; twice if a minted token was refused and the call changes nothing."""
        token = self._credential.token(deadline)
        response = self._transport.send(call, _bearer(token), deadline)
        if response.status == 401 and self._credential.discard(token) and call.idempotent:
            response = self._transport.send(call, _bearer(self._credential.token(deadline)), deadline)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._options.transport.base_url!r})"


class AsyncClient(_Resources[AsyncSender]):
    """An async client for one event loop, with the same calls. With `connections`, it opens none of its own."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        connections: Connections | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(self)
        self._credential = credential
        self._options = _ResolvedOptions(base_url, options)
        self._connections = connections
        self._transport = AsyncTransport(self._options.transport, connections.http if connections else None)
        self.last_body: bytes | None = None
        """The body of the last response, as it was received; of use if calls are made one after the other."""

    async def send(self, call: Call[T]) -> T:
        """Send a call within its total time; retry if that is safe and may help."""
        deadline = Deadline(self._options.timeouts)
        async for attempt in retry_attempts(self._options.retries, call, deadline):
            with attempt:
                response = await self._attempt(call, deadline)
                self.last_body = response.body
                return parse_response(call, response)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, call: Call[object], deadline: Deadline) -> Response:
        """Send once; twice if a minted token was refused and the call changes nothing."""
        token = await self._credential.token_async(deadline, self._connections)
        response = await self._transport.send(call, _bearer(token), deadline)
        if response.status == 401 and self._credential.discard(token) and call.idempotent:
            token = await self._credential.token_async(deadline, self._connections)
            response = await self._transport.send(call, _bearer(token), deadline)
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._options.transport.base_url!r})"


def _bearer(token: Secret) -> dict[str, Secret]:
    return {"Authorization": Secret(f"Bearer {token.reveal()}")}
