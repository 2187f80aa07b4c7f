"""Sends all requests, with timeouts, a size limit for responses, and errors.

Exceptions raised here do not refer to httpx's own: their tracebacks contain request headers.
"""

import asyncio
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlencode

import httpcore
import httpx
import msgspec

from cleanlist.calls import Call
from cleanlist.errors import CleanlistError, ConnectionFailed, TimedOut, UnexpectedResponse
from cleanlist.secret import Secret
from cleanlist.timeouts import Deadline, DeadlineTimeout
from cleanlist.transport.network_errors import HTTPX_ERRORS, NetworkErrors
from cleanlist.transport.options import TransportOptions
from cleanlist.transport.response import Response

# Called after each exchange with the endpoint (`Call.endpoint`), the status or the error's name, and the seconds taken.
Observer = Callable[[str, str, float], None]
_observers: list[Observer] = []


def observe_with(observer: Observer) -> None:
    """Call `observer` for every exchange of this process, including retries and the minting of tokens."""
    if observer not in _observers:
        _observers.append(observer)


class SyncTransport:
    """Sends calls over httpx, blocking."""

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._http = httpx.Client(**options.client_arguments())
        enforce_read_deadlines(self._http)

    def send(self, call: Call[object], secrets: Mapping[str, Secret], deadline: Deadline) -> Response:
        """Send once. Raises `ConnectionFailed`, `TimedOut` or `UnexpectedResponse`."""
        started = time.perf_counter()
        outcome = self._exchange(call, secrets, deadline)
        _notify_observers(call, outcome, started)
        if isinstance(outcome, CleanlistError):
            raise outcome
        return outcome

    def _exchange(
        self, call: Call[object], secrets: Mapping[str, Secret], deadline: Deadline
    ) -> Response | CleanlistError:
        try:
            response = self._http.send(_build_request(self._options, call, secrets, deadline), stream=True)
            try:
                body = _LimitedBody(self._options.max_response_bytes, deadline)
                for chunk in response.iter_bytes():
                    if not body.append(chunk):
                        break
            finally:
                response.close()
            return body.response(response)
        except HTTPX_ERRORS.caught as error:
            return _transport_error(error, HTTPX_ERRORS, call, self._options)

    def close(self) -> None:
        """Close the connections, but not a transport that was passed in."""
        if self._options.transport is None:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTransport:
    """Sends calls asynchronously, over aiohttp's connection pool."""

    def __init__(self, options: TransportOptions, shared: httpx.AsyncClient | None = None) -> None:
        from cleanlist.transport import aiohttp_client  # noqa: PLC0415 - slow to import

        self._errors, self._underlying_error = aiohttp_client.AIOHTTP_ERRORS, aiohttp_client.underlying_error
        self._options = options
        self._owns_client = shared is None and options.transport is None
        self._http = shared or aiohttp_client.create_client(options.client_arguments())

    async def send(self, call: Call[object], secrets: Mapping[str, Secret], deadline: Deadline) -> Response:
        """Send once. Raises `ConnectionFailed`, `TimedOut` or `UnexpectedResponse`."""
        started = time.perf_counter()
        outcome = await self._exchange(call, secrets, deadline)
        _notify_observers(call, outcome, started)
        if isinstance(outcome, CleanlistError):
            raise outcome
        return outcome

    async def _exchange(
        self, call: Call[object], secrets: Mapping[str, Secret], deadline: Deadline
    ) -> Response | CleanlistError:
        try:
            async with asyncio.timeout(deadline.remaining()):
                response = await self._http.send(_build_request(self._options, call, secrets, deadline), stream=True)
                try:
                    body = _LimitedBody(self._options.max_response_bytes, deadline)
                    async for chunk in response.aiter_bytes():
                        if not body.append(chunk):
                            break
                finally:
                    await response.aclose()
            return body.response(response)
        except self._errors.caught as error:
            return _transport_error(self._underlying_error(error), self._errors, call, self._options)

    async def close(self) -> None:
        """Close the connections, but not a client that was passed in."""
        if self._owns_client:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _LimitedBody:
    """The part of a body read so far, within the limits of size and time."""

    def __init__(self, limit: int, deadline: Deadline) -> None:
        self._limit, self._deadline = limit, deadline
        self._body = bytearray()
        self._truncated = False

    def append(self, chunk: bytes) -> bool:
        """Add a chunk and return whether to read on. The deadline applies here too, against a trickle of bytes."""
        if self._deadline.passed():
            raise httpx.ReadTimeout("the total time is used up")
        self._truncated = len(self._body) + len(chunk) > self._limit
        self._body += chunk[: self._limit - len(self._body)]
        return not self._truncated

    def response(self, response: httpx.Response) -> Response:
        return Response(response.status_code, response.headers, bytes(self._body), self._truncated)


def _notify_observers(call: Call[object], outcome: Response | CleanlistError, started: float) -> None:
    result = type(outcome).__name__ if isinstance(outcome, CleanlistError) else str(outcome.status)
    for observer in _observers:
        observer(call.endpoint, result, time.perf_counter() - started)


def _build_request(
    options: TransportOptions, call: Call[object], secrets: Mapping[str, Secret], deadline: Deadline
) -> httpx.Request:
    if deadline.passed():
        raise TimedOut("The time limit was reached before the request could be sent")
    query = f"?{urlencode(call.query)}" if call.query else ""
    headers = {
        "User-Agent": options.user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    request = httpx.Request(
        call.method,
        f"{options.base_url}{call.path}{query}",
        headers=headers,
        content=b"" if call.body is None else msgspec.json.encode(call.body),
        extensions={"timeout": deadline.httpx_timeouts()},
    )
    for name, secret in secrets.items():
        request.headers[name] = secret.reveal()
    return request


def _transport_error(
    cause: Exception, errors: NetworkErrors, call: Call[object], options: TransportOptions
) -> CleanlistError:
    """Return the exception for a network error, without a reference to it."""
    sent = not isinstance(cause, errors.not_sent)
    outcome_unknown = sent and not call.idempotent
    host = httpx.URL(options.base_url).netloc.decode("ascii")
    if isinstance(cause, httpx.DecodingError):
        return UnexpectedResponse(f"The response from {host} can't be decompressed", outcome_unknown=outcome_unknown)
    if isinstance(cause, httpx.TimeoutException | TimeoutError):
        stage = "did not respond in time" if sent else "connection timed out"
        return TimedOut(f"{host} {stage}", outcome_unknown=outcome_unknown)
    if sent:
        return ConnectionFailed(
            f"The connection to {host} closed before the response was complete", outcome_unknown=outcome_unknown
        )
    reason = f": {_os_message(cause)}"[:200] if isinstance(cause, errors.with_os_message) else ""
    return ConnectionFailed(f"No connection to {host}{reason}")


def _os_message(cause: Exception) -> str:
    """Return the operating system's message (refused, unknown host), which contains nothing of the request."""
    error = getattr(cause, "os_error", cause)
    number = getattr(error, "errno", None) or 0  # negative where it is about a name
    return os.strerror(number) if number > 0 else re.sub(r"^\[Errno -?\d+\] ", "", str(error))


# httpx limits each wait for data, not their sum: a server that sends its headers byte by byte could occupy a thread for
# hours. httpcore accepts a network backend, but httpx 0.28 has no argument to pass one on, hence the assignment to a
# private name, which `tests/cleanlist/test_network.py` covers.
def enforce_read_deadlines(client: httpx.Client) -> None:
    """Make all connections of a client respect the deadline in their timeouts."""
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - see above
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _DeadlineBackend()  # noqa: SLF001 - see above


class _DeadlineBackend(httpcore.SyncBackend):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _DeadlineStream(super().connect_tcp(*args, **kwargs))


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if isinstance(timeout, DeadlineTimeout):
            if timeout.deadline.passed():
                raise httpcore.ReadTimeout("the total time is used up")
            timeout = min(timeout, max(timeout.deadline.remaining(), 0.001))
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
