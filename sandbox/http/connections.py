"""Open connections by peer, so that one can be aborted without a response (ASGI has no message for that)."""

import asyncio

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_transports: dict[tuple[str, int], asyncio.Transport] = {}


class AbortableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also registers its transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection."""
        super().connection_made(transport)
        if self.client is not None:
            _transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client is not None:
            _transports.pop(self.client, None)
        super().connection_lost(exc)


def abort_connection(scope: Scope) -> None:
    """Close the connection of a request at once; its client sees a connection error."""
    transport = _transports.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()
