"""Probes a webhook URL step by step: DNS, address, connection, certificate, and a POST with a sample.

Nothing here trusts the URL: each step goes through ``webhooks.outgoing``, which also bounds the time of all together.
"""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from core.formatting import counted
from core.sanitize import sanitize_text
from webhooks import payloads
from webhooks.outgoing import RequestFailed, Target, connection, parse_target, sender
from webhooks.reasons import advice_on

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
LABELS = {
    "url": "The URL is valid",
    "dns": "The host name resolves (DNS)",
    "public": "The address is public",
    "tcp": "The server accepts the connection (TCP)",
    "chain": "The certificate is trusted (TLS)",
    "name": "The certificate matches the host name",
    "date": "The certificate hasn't expired",
    "method": "POST is allowed",
    "answer": "It returns 2xx within 10 seconds",
}
EXPIRES_SOON = timedelta(days=14)
# With these a server says that it accepts no POST here, whatever its body.
_NO_POST = {404, 405, 501}
_MARKUP = re.compile(r"\s{0,40}<(?:!doctype|html)", re.IGNORECASE)
_WEB_PAGE = (
    "The response is a web page. If your code doesn't return one, something else answered: a sign-in page, a parked "
    "domain or a tunnel's warning page. Check that the request reached your code."
)
_NOT_FOR_HTTP = "Plain HTTP, allowed for this machine only"


@dataclass(frozen=True)
class ProbeStep:
    """One step: how it ended, what was found, and advice. A skipped step has no duration."""

    name: str
    state: str
    found: str = ""
    advice: str = ""
    took_ms: int | None = None


OnProgress = Callable[[list[dict[str, object]]], None]


class _StepRecorder:
    """Collects the steps, and passes them to ``on_progress`` after each."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress, self._done = on_progress, dict[str, ProbeStep]()
        self._began = time.monotonic()

    def passed(self, name: str, found: str, advice: str = "", *, state: str = PASSED) -> None:
        """Record that a step passed; the next one begins."""
        now = time.monotonic()
        took = None if state == SKIPPED else round((now - self._began) * 1000)
        self._done[name] = ProbeStep(name, state, sanitize_text(found, 600), advice, took)
        self._began = now
        self._on_progress(self.so_far)

    def failed(self, name: str, found: str, advice: str) -> None:
        """Record that the last step failed."""
        self.passed(name, found, advice, state=FAILED)

    def skipped(self, name: str, found: str) -> None:
        """Record a step that is not needed."""
        self.passed(name, found, state=SKIPPED)

    @property
    def next_name(self) -> str:
        """Return the first step that has not ended; the last one where all have."""
        return next((name for name in LABELS if name not in self._done), "answer")

    @property
    def so_far(self) -> list[dict[str, object]]:
        """Return the steps that have ended, in their order, as they are stored."""
        return [asdict(self._done[name]) for name in LABELS if name in self._done]

    def leave_out_the_rest(self) -> None:
        """Record the steps that were not reached as skipped."""
        for name in LABELS:
            if name not in self._done:
                self._done[name] = ProbeStep(name, SKIPPED)
        self._on_progress(self.so_far)


def probe(url: str, check_id: str, on_progress: OnProgress) -> str:
    """Probe ``url`` step by step, calling ``on_progress`` after each; return the reason of a failure, or "".

    Takes ten seconds at most. The sample that is sent is marked as a test in its header and its body.
    """
    steps = _StepRecorder(on_progress)
    try:
        reason = _probe(url, check_id, steps)
    except connection.CertificateRejected as error:
        steps.failed(error.part, error.words, _advice("tls"))
        reason = error.reason
    except RequestFailed as error:
        steps.failed(steps.next_name, error.words, _advice(error.reason))
        reason = error.reason
    steps.leave_out_the_rest()
    return reason


def _probe(url: str, check_id: str, steps: _StepRecorder) -> str:
    deadline = sender.start_deadline()
    target = parse_target(url)
    steps.passed("url", f"{target.scheme}, host {target.host}, port {target.port}")
    addresses = connection.resolve_addresses(target, deadline)
    steps.passed(
        "dns", ", ".join(map(str, addresses[:8])) if target.literal is None else "The URL contains the address"
    )
    connection.check_addresses(target, addresses)
    is_local = addresses[0].is_loopback
    steps.passed("public", "This machine (allowed by the operator)" if is_local else "All addresses are public")
    sock, address = connection.connect(target, addresses, deadline)
    steps.passed("tcp", f"Connected to {address}, port {target.port}")
    if not target.encrypted:
        for name in ("chain", "name", "date"):
            steps.skipped(name, _NOT_FOR_HTTP)
        return _post(connection.DeadlineStream(sock, deadline), target, check_id, steps)
    encrypted = connection.start_tls(sock, target, deadline)
    _record_certificate(connection.read_certificate(encrypted), steps)
    return _post(connection.DeadlineStream(encrypted, deadline), target, check_id, steps)


def _record_certificate(certificate: connection.Certificate, steps: _StepRecorder) -> None:
    """Record the facts of an accepted certificate."""
    steps.passed("chain", f"{certificate.protocol}, certificate by {certificate.issuer}")
    names = certificate.names
    steps.passed("name", ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else ""))
    ends, left = certificate.ends_at, certificate.ends_at - datetime.now(UTC)  # noqa: TID251 - as TLS judges it
    advice = f"Expires in {counted(left.days, 'day')}. Set up automatic renewal." if left < EXPIRES_SOON else ""
    steps.passed("date", f"Until {ends.day} {ends:%B %Y, %H:%M} UTC", advice)


def _post(stream: connection.DeadlineStream, target: Target, check_id: str, steps: _StepRecorder) -> str:
    started = time.monotonic()
    body = payloads.encode(payloads.build_sample(check_id))
    try:
        status, excerpt = sender.exchange(stream, target, body, {payloads.TEST_HEADER: check_id})
    except RequestFailed as error:
        steps.skipped("method", "Unknown, because there was no response")
        steps.failed("answer", error.words, _advice(error.reason))
        return error.reason
    result = sender.post_result(status, excerpt, round((time.monotonic() - started) * 1000))
    if status in _NO_POST:
        steps.failed("method", _describe_response(result), _advice(result.reason, status))
        return result.reason
    steps.passed("method", "The server processed the request")
    if result.acknowledged:
        steps.passed("answer", f"HTTP {status}", _WEB_PAGE if _MARKUP.match(excerpt) else "")
    else:
        steps.failed("answer", _describe_response(result), _advice(result.reason, status))
    return result.reason


def _describe_response(result: sender.PostResult) -> str:
    beginning = " ".join(result.excerpt.split())[:300]
    return f"{result.error}. It said: {beginning}" if beginning else result.error


def _advice(reason: str, status: int | None = None) -> str:
    advice = advice_on(reason, status)
    if reason == "client_error":
        advice += (
            " If it correctly rejects unknown workflow IDs, let it return 2xx for requests with the header "
            f"{payloads.TEST_HEADER} and ignore them otherwise."
        )
    return advice
