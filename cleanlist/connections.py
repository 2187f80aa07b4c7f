"""Connections that many async clients share: a worker that polls a thousand accounts opens no pool for each."""

import functools
from typing import Any, Final, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from cleanlist.wire import Line

_SOMEWHERE: Final = Line("http://localhost")  # each request names its own address in full


class Connections:
    """One pool for clients of any address and credential; it serves one event loop, and who made it closes it.

    Nothing of one client reaches another: credentials travel with each request, and cookies are not kept.
    """

    def __init__(self) -> None:
        self.http: Final = _Cookieless(**_SOMEWHERE.options())

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Cookieless(HttpxAiohttpClient):
    """httpx over aiohttp without a limit of connections, which is their user's to set, and without a cookie jar."""

    def _init_transport(self, *args: Any, **options: Any) -> httpx.AsyncBaseTransport:
        return _without_cookies(super()._init_transport(*args, **options))

    def _init_proxy_transport(self, *args: Any, **options: Any) -> httpx.AsyncBaseTransport:
        return _without_cookies(super()._init_proxy_transport(*args, **options))


def _without_cookies(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    if isinstance(transport, AiohttpTransport):
        transport.client = functools.partial(_session, transport)
    return transport


def _session(transport: AiohttpTransport) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=transport.ssl_context, limit=0)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
