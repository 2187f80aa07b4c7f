"""The one place where requests leave: httpx, its time-outs, a limit on answers, and what broke if one did.

Nothing raised here refers to httpx's own exceptions: their tracebacks hold request headers.
"""

import asyncio
import functools
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlencode

import httpx
import msgspec

from cleanlist._version import __version__
from cleanlist.bounded import bind_reads_to_deadlines
from cleanlist.calls import Call
from cleanlist.errors import CleanlistError, ConnectionFailed, TimedOut, UnexpectedResponse
from cleanlist.failures import OF_HTTPX, Failures
from cleanlist.secret import Secret
from cleanlist.timeouts import Deadline

Transport = httpx.BaseTransport | httpx.AsyncBaseTransport

USER_AGENT: Final = f"cleanlist-console/{__version__}"
MAX_RESPONSE_BYTES: Final = 8 * 1024 * 1024  # a page of 500 log rows is about 0.15 MB


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Its body is not shown by `repr`, as it may hold a new secret."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    cut_off: bool = False

    def text(self, most: int) -> str:
        """Return the beginning of the body."""
        return self.body[:most].decode("utf-8", "replace")

    def is_json(self) -> bool:
        """Whether the body is labelled or looks like JSON."""
        return self.body[:1] in {b"{", b"["} or "json" in self.headers.get("content-type", "")

    def kind_of_body(self) -> str:
        """Say in words what the body is."""
        if not self.body.strip():
            return "an empty body"
        if "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<":
            return "an HTML page"
        return "JSON that this call does not expect" if self.is_json() else "text that is not JSON"


# Hears of each exchange: what was called (`Call.endpoint`), the status or the kind of failure, and the seconds it took.
Observer = Callable[[str, str, float], None]
_observers: list[Observer] = []


def observe_with(observer: Observer) -> None:
    """Have `observer` told of every exchange of this process, retries and the minting of tokens included."""
    if observer not in _observers:
        _observers.append(observer)


@dataclass(frozen=True, slots=True)
class Line:
    """How one base address is spoken to."""

    base_url: str
    max_response_bytes: int = MAX_RESPONSE_BYTES
    user_agent: str = USER_AGENT
    transport: Transport | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Arguments of either httpx client."""
        _quieten_loggers()
        options: dict[str, Any] = {"follow_redirects": False, "verify": _trusted()}
        if self.transport is not None:
            options["transport"] = self.transport
        return options


class SyncWire:
    """Exchanges requests for answers, and waits."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._http = httpx.Client(**line.options())
        bind_reads_to_deadlines(self._http)

    def exchange(self, call: Call[Any], secrets: Mapping[str, Secret], deadline: Deadline) -> Answer:
        """Send once. Raises `ConnectionFailed`, `TimedOut` or `UnexpectedResponse`."""
        began = time.perf_counter()
        outcome = self._try(call, secrets, deadline)
        _tell(call, outcome, began)
        if isinstance(outcome, CleanlistError):
            raise outcome
        return outcome

    def _try(self, call: Call[Any], secrets: Mapping[str, Secret], deadline: Deadline) -> Answer | CleanlistError:
        try:
            response = self._http.send(_build(self._line, call, secrets, deadline), stream=True)
            try:
                collected = _Collected(self._line.max_response_bytes, deadline)
                for chunk in response.iter_bytes():
                    if not collected.take(chunk):
                        break
            finally:
                response.close()
            return collected.answer(response)
        except OF_HTTPX.caught as error:
            return _explain(error, OF_HTTPX, call, self._line)

    def close(self) -> None:
        """Close the connections; a transport that was passed in stays its owner's."""
        if self._line.transport is None:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncWire:
    """The same, awaited, over aiohttp's connection pool."""

    def __init__(self, line: Line, shared: httpx.AsyncClient | None = None) -> None:
        from cleanlist import over_aiohttp  # noqa: PLC0415 - as its text says

        self._failures, self._cause_of = over_aiohttp.FAILURES, over_aiohttp.cause_of
        self._line = line
        self._is_own = shared is None and line.transport is None
        self._http = shared or over_aiohttp.client(line.options())

    async def exchange(self, call: Call[Any], secrets: Mapping[str, Secret], deadline: Deadline) -> Answer:
        """Send once. Raises `ConnectionFailed`, `TimedOut` or `UnexpectedResponse`."""
        began = time.perf_counter()
        outcome = await self._try(call, secrets, deadline)
        _tell(call, outcome, began)
        if isinstance(outcome, CleanlistError):
            raise outcome
        return outcome

    async def _try(self, call: Call[Any], secrets: Mapping[str, Secret], deadline: Deadline) -> Answer | CleanlistError:
        try:
            async with asyncio.timeout(deadline.remaining()):
                response = await self._http.send(_build(self._line, call, secrets, deadline), stream=True)
                try:
                    collected = _Collected(self._line.max_response_bytes, deadline)
                    async for chunk in response.aiter_bytes():
                        if not collected.take(chunk):
                            break
                finally:
                    await response.aclose()
            return collected.answer(response)
        except self._failures.caught as error:
            return _explain(self._cause_of(error), self._failures, call, self._line)

    async def close(self) -> None:
        """Close the connections; what was passed in stays its owner's."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Collected:
    """The body so far, within its limits of size and time."""

    def __init__(self, limit: int, deadline: Deadline) -> None:
        self._limit, self._deadline = limit, deadline
        self._body = bytearray()
        self._cut_off = False

    def take(self, chunk: bytes) -> bool:
        """Keep a chunk; False when no more is wanted. A trickle of bytes must not outlive the deadline."""
        if self._deadline.passed():
            raise httpx.ReadTimeout("the total time is used up")
        self._cut_off = len(self._body) + len(chunk) > self._limit
        self._body += chunk[: self._limit - len(self._body)]
        return not self._cut_off

    def answer(self, response: httpx.Response) -> Answer:
        return Answer(response.status_code, response.headers, bytes(self._body), self._cut_off)


def _tell(call: Call[Any], outcome: Answer | CleanlistError, began: float) -> None:
    answer = type(outcome).__name__ if isinstance(outcome, CleanlistError) else str(outcome.status)
    for observer in _observers:
        observer(call.endpoint, answer, time.perf_counter() - began)


def _build(line: Line, call: Call[Any], secrets: Mapping[str, Secret], deadline: Deadline) -> httpx.Request:
    if deadline.passed():
        raise TimedOut("The total time was used up before the request could be sent")
    query = f"?{urlencode(call.query)}" if call.query else ""
    headers = {
        "User-Agent": line.user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    request = httpx.Request(
        call.method,
        f"{line.base_url}{call.path}{query}",
        headers=headers,
        content=b"" if call.body is None else msgspec.json.encode(call.body),
        extensions={"timeout": deadline.limits()},
    )
    for name, secret in secrets.items():
        request.headers[name] = secret.reveal()
    return request


def _explain(cause: Exception, failures: Failures, call: Call[Any], line: Line) -> CleanlistError:
    """Say what broke, without the error itself."""
    sent = not isinstance(cause, failures.never_sent)
    unknown = sent and not call.idempotent
    host = httpx.URL(line.base_url).netloc.decode("ascii")
    if isinstance(cause, httpx.DecodingError):
        return UnexpectedResponse(f"The answer of {host} cannot be decompressed", outcome_unknown=unknown)
    if isinstance(cause, httpx.TimeoutException | TimeoutError):
        stage = "did not answer in time" if sent else "could not be connected to in time"
        return TimedOut(f"{host} {stage}", outcome_unknown=unknown)
    if sent:
        return ConnectionFailed(
            f"The connection to {host} broke before the answer was complete", outcome_unknown=unknown
        )
    # The system's own words (refused, unknown host) hold nothing of the request.
    reason = f": {getattr(cause, 'os_error', cause)}"[:200] if isinstance(cause, failures.in_systems_words) else ""
    return ConnectionFailed(f"No connection to {host}{reason}")


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted; reading them takes 20 ms, so once per process."""
    return httpx.create_ssl_context()


def _quieten_loggers() -> None:
    """Full addresses are logged by httpx at INFO, and all request headers by httpcore at DEBUG."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
