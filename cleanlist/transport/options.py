"""The options of a transport: how to connect to a base URL."""

import functools
import logging
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from cleanlist._version import __version__

HttpxTransport = httpx.BaseTransport | httpx.AsyncBaseTransport

USER_AGENT: Final = f"cleanlist-console/{__version__}"
MAX_RESPONSE_BYTES: Final = 8 * 1024 * 1024  # a page of 500 log rows is about 0.15 MB


ClientArguments = dict[str, Any]  # of httpx's clients


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """A base URL, and how to send requests to it."""

    base_url: str
    max_response_bytes: int = MAX_RESPONSE_BYTES
    user_agent: str = USER_AGENT
    transport: HttpxTransport | None = field(default=None, repr=False)

    def client_arguments(self) -> ClientArguments:
        """Return the arguments of `httpx.Client` or `httpx.AsyncClient`."""
        _quiet_loggers()
        arguments: dict[str, object] = {"follow_redirects": False, "verify": _ssl_context()}
        if self.transport is not None:
            arguments["transport"] = self.transport
        return arguments


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """Return a context with the trusted certificates; loading them takes 20 ms, so only once per process."""
    return httpx.create_ssl_context()


def _quiet_loggers() -> None:
    """Raise log levels: httpx logs full URLs at INFO, and httpcore all request headers at DEBUG."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
