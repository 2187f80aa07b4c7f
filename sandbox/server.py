"""Runs the application on a socket until the process is stopped."""

import signal
import socket
import sys
from types import FrameType

import uvicorn

from .app import create_app
from .http.connections import AbortableProtocol
from .settings import Settings

# A hung response (a fault, a slow client) must not delay the end of the process.
SHUTDOWN_SECONDS = 1


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; prints "sandbox ready on …" when it listens."""
    # uvicorn raises the signal that stopped it again at its end; a stop on request is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    config = uvicorn.Config(
        create_app(settings),
        http=AbortableProtocol,
        log_level="warning",
        access_log=False,
        # The peer's IP address protects the control surface, so no header may change it.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    _Server(config, settings.public_url).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Prints a line when it listens."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"sandbox ready on {self._url}\n")
            sys.stdout.flush()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return
