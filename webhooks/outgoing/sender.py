"""Sends one POST to one URL, and describes how it ended."""

import http
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpcore

from cleanlist import __version__
from cleanlist.timeouts import Deadline, Timeouts
from core.sanitize import sanitize_text
from webhooks.outgoing import connection
from webhooks.outgoing.targets import RequestFailed, Target, parse_target
from webhooks.reasons import reason_of

# A 2xx must arrive within 10 seconds, as upstream has it; DNS, connecting and TLS are part of them.
RESPONSE_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5.0
USER_AGENT = f"cleanlist-console/{__version__}"
# The answer's body decides nothing. Its beginning often says what is wrong.
EXCERPT_BYTES = 2_000


@dataclass(frozen=True)
class PostResult:
    """How a POST ended. ``reason`` is a name from ``webhooks.reasons``, empty when it was acknowledged.

    ``may_have_arrived`` says that the request was on its way: without an answer nobody knows what became of it.
    """

    status_code: int | None
    reason: str
    error: str
    duration_ms: int
    may_have_arrived: bool = False
    excerpt: str = ""

    @property
    def acknowledged(self) -> bool:
        """Return whether the receiver answered 2xx in time."""
        return not self.reason


def start_deadline() -> Deadline:
    """Return the deadline of a call that starts now."""
    return Deadline(
        Timeouts(connect=CONNECT_TIMEOUT_SECONDS, read=RESPONSE_TIMEOUT_SECONDS, total=RESPONSE_TIMEOUT_SECONDS)
    )


def post(url: str, body: bytes, headers: Mapping[str, str]) -> PostResult:
    """POST JSON to ``url``, at most once. Never raises: errors become part of the result.

    Takes RESPONSE_TIMEOUT_SECONDS at most. ``headers`` are added to those that every webhook has.
    """
    started, deadline = time.monotonic(), start_deadline()
    on_its_way = False
    try:
        target = parse_target(url)
        stream = open_connection(target, deadline)
        on_its_way = True
        status, excerpt = exchange(stream, target, body, headers)
    except RequestFailed as error:
        return PostResult(None, error.reason, error.words, _since(started), may_have_arrived=on_its_way)
    return post_result(status, excerpt, _since(started))


def open_connection(target: Target, deadline: Deadline) -> connection.DeadlineStream:
    """Return a connection to the target, checked in every respect. Raises RequestFailed."""
    addresses = connection.resolve_addresses(target, deadline)
    connection.check_addresses(target, addresses)
    sock, _ = connection.connect(target, addresses, deadline)
    if target.encrypted:
        sock = connection.start_tls(sock, target, deadline)
    return connection.DeadlineStream(sock, deadline)


def exchange(
    stream: connection.DeadlineStream, target: Target, body: bytes, headers: Mapping[str, str]
) -> tuple[int, str]:
    """Send the request over ``stream`` return status and excerpt of the response, and close. Raises RequestFailed."""
    origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
    sent = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        "Connection": "close",
        **headers,
    }
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    try:
        http_connection = httpcore.HTTP11Connection(origin, stream)
        response = http_connection.handle_request(
            httpcore.Request("POST", url, headers=list(sent.items()), content=body)
        )
        return response.status, _read_excerpt(response)
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise RequestFailed(
            "timeout", f"Connection timed out: no response within {RESPONSE_TIMEOUT_SECONDS:g} s"
        ) from error
    except (httpcore.ProtocolError, httpcore.NetworkError, OSError) as error:
        raise RequestFailed("closed", "Connection closed without a valid HTTP response") from error
    finally:
        stream.close()


def _read_excerpt(response: httpcore.Response) -> str:
    """Return the first bytes of the body as text. The status is known by now, so nothing that fails here counts."""
    found = b""
    # The body may come as slowly as it likes: what matters has been said, so it gets one read.
    with suppress(RequestFailed, OSError, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException):
        for chunk in response.iter_stream():
            found += chunk
            break
    return sanitize_text(found[:EXCERPT_BYTES].decode(errors="replace"), EXCERPT_BYTES)


def post_result(status: int, excerpt: str, duration_ms: int) -> PostResult:
    """Return what ``status`` means for a webhook."""
    reason = reason_of(status, "", duration_ms)
    if not reason:
        return PostResult(status, "", "", duration_ms, may_have_arrived=True, excerpt=excerpt)
    try:
        words = f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        words = f"HTTP {status}"
    if 300 <= status < 400:
        words += ": redirects are not followed"
    return PostResult(status, reason, words, duration_ms, may_have_arrived=True, excerpt=excerpt)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
