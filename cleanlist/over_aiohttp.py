"""What the async client needs of aiohttp, imported with the first one: it takes 0.2 s, a seventh of a short command."""

import functools
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from cleanlist.failures import OF_HTTPX, Failures

FAILURES: Final = Failures(
    caught=(*OF_HTTPX.caught, aiohttp.ClientError),
    never_sent=(
        *OF_HTTPX.never_sent,
        aiohttp.ClientConnectorError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.ClientProxyConnectionError,
        aiohttp.ClientHttpProxyError,
    ),
    in_systems_words=(*OF_HTTPX.in_systems_words, aiohttp.ClientConnectorError),
)


def client(options: dict[str, Any]) -> httpx.AsyncClient:
    """Return httpx over aiohttp's connection pool (measured: it holds its speed at 64 connections)."""
    return HttpxAiohttpClient(**options)


def cookieless_client(options: dict[str, Any]) -> httpx.AsyncClient:
    """Return the same without a limit of connections, which is their user's to set, and without a cookie jar."""
    return _Cookieless(**options)


def cause_of(error: Exception) -> Exception:
    """Return the error of aiohttp behind ``error``, if there is one.

    httpx-aiohttp 0.2 calls nearly every aiohttp error a connect time-out, even a connection that was dropped
    after a command had been sent; only the cause tells them apart.
    """
    return error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error


class _Cookieless(HttpxAiohttpClient):
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
