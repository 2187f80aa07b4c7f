"""Classifies the exceptions of failed requests."""

from dataclasses import dataclass
from typing import Final

import httpx


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """An HTTP client's exceptions: all, those before anything was sent, and those with an operating system message."""

    caught: tuple[type[Exception], ...]
    not_sent: tuple[type[Exception], ...]
    with_os_message: tuple[type[Exception], ...]


HTTPX_ERRORS: Final = NetworkErrors(
    caught=(httpx.HTTPError, httpx.InvalidURL, OSError),
    not_sent=(
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        httpx.InvalidURL,
    ),
    with_os_message=(httpx.ConnectError,),
)
