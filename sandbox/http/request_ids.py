"""An `X-Request-Id` for every response; errors in the envelope have one already, which their body repeats."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"


def new_request_id() -> str:
    """Return `req_` and 16 hexadecimal digits."""
    return f"req_{secrets.token_hex(8)}"


class RequestIdMiddleware:
    """ASGI middleware: adds the header where it is missing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, and complete the headers of its response."""

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault(HEADER, new_request_id())
            await send(message)

        await self._app(scope, receive, send_with_id if scope["type"] == "http" else send)
