"""The errors with which a request fails, by what each says of it."""

from dataclasses import dataclass
from typing import Final

import httpx


@dataclass(frozen=True, slots=True)
class Failures:
    """The kinds that a client raises: all of them, those before anything was sent, and those in the system's words."""

    caught: tuple[type[Exception], ...]
    never_sent: tuple[type[Exception], ...]
    in_systems_words: tuple[type[Exception], ...]


OF_HTTPX: Final = Failures(
    caught=(httpx.HTTPError, httpx.InvalidURL, OSError),
    never_sent=(
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        httpx.InvalidURL,
    ),
    in_systems_words=(httpx.ConnectError,),
)
