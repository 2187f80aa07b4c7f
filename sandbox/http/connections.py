"""Open connections by peer, so that one can be aborted without a response (ASGI has no message for that)."""

import asyncio

import h11
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.errors import ApiError, error_response

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

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP in the newer shape, as its path is not known."""
        error = ApiError(400, "validation_error", msg, "Send valid HTTP, with headers of less than 64 kB.")
        response = error_response("/", error, anywhere=True)
        headers = [*response.raw_headers, (b"connection", b"close")]
        parts = h11.Response(status_code=400, headers=headers), h11.Data(data=bytes(response.body)), h11.EndOfMessage()
        for part in parts:
            self.transport.write(self.conn.send(part))
        self.transport.close()


def abort_connection(scope: Scope) -> None:
    """Close the connection of a request at once; its client sees a connection error."""
    transport = _transports.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()
