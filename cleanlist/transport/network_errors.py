"""The exceptions with which a request can fail, classified."""

from dataclasses import dataclass
from typing import Final

import httpx


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """What an HTTP client raises: at all, before anything was sent, and with a message of the operating system."""

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
