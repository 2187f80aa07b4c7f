"""Normalizes an upstream delivery attempt into a row that can be stored: bounded, sanitized, completed."""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cleanlist import DeliveryAttempt
from core.sanitize import sanitize_text
from webhooks.models import Attempt
from webhooks.reasons import reason_of

# Part of a unique index; PostgreSQL takes 2,704 bytes for all its columns together.
URL_BYTES = 2_000
ERROR_CHARACTERS = 2_000
_MAX_INTEGER = 2**31 - 1
_MAX_ATTEMPT_NUMBER = 1_000  # larger numbers are ignored
# A clock may be wrong by hours; times that are further off are ignored.
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
_MAX_CLOCK_SKEW = timedelta(days=1)

SUCCEEDED = frozenset({"success", "succeeded", "successful", "delivered", "ok", "acknowledged", "acked", "completed"})
UNDECIDED = frozenset({"pending", "queued", "scheduled", "sending", "in_progress", "processing", "running", "started"})
FAILED = frozenset({"failed", "failure", "error", "timeout", "timed_out", "rejected", "refused"})
# No further attempt follows, whatever the number.
FINAL = frozenset({"exhausted", "abandoned", "dead", "gave_up", "giving_up", "permanently_failed", "cancelled"})


def is_usable_workflow_id(text: str | None) -> bool:
    """Return whether ``text`` can be stored unchanged and used in a URL to ask upstream."""
    return bool(text) and sanitize_text(text, 200) == text and "/" not in str(text) and text not in {".", ".."}


def find_problem(raw: DeliveryAttempt, asked_for: str = "") -> str:
    """Return why an attempt belongs to no workflow, or not to the one ``asked_for``; "" if it is valid."""
    workflow_id = raw.workflow_id or asked_for
    if not workflow_id:
        return "workflow_id is missing"
    if not is_usable_workflow_id(workflow_id):
        return "workflow_id: too long, or with characters that cannot stand in an address"
    return "workflow_id: not the one that was asked for" if asked_for and workflow_id != asked_for else ""


def stored_url(url: str | None) -> str:
    """Return ``url`` fit for storing. One that is too long keeps its beginning and a digest, so it stays unique."""
    text = sanitize_text(url, 100_000).strip()
    if len(text.encode()) <= URL_BYTES:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return text.encode()[: URL_BYTES - 40].decode(errors="ignore") + f"… (cut, {digest})"


def host_of(url: str) -> str:
    """Return the host of ``url`` in lower case, with its port if that is an unusual one; empty where there is none."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return (host if port in {None, usual} else f"{host}:{port}")[:255]


def normalize_attempt(raw: DeliveryAttempt, workflow_id: str, read_at: datetime) -> Attempt:
    """Return the attempt's row without delivery and run. ``at`` is ``read_at`` if upstream gives no usable time."""
    at = _usable_time(raw.at, read_at)
    word, status_code = _normalize_word(raw.status), _status_code(raw.response_status_code)
    error, duration_ms = sanitize_text(raw.error_message, ERROR_CHARACTERS), _duration_ms(raw.took_ms)
    acknowledged = _is_acknowledged(word, status_code)
    undecided = not acknowledged and status_code is None and not error and word in UNDECIDED
    number = (
        raw.attempt_number if raw.attempt_number is not None and 0 < raw.attempt_number <= _MAX_ATTEMPT_NUMBER else 0
    )
    return Attempt(
        upstream_id=_identity(raw, workflow_id, at),
        number=number,
        status=sanitize_text(raw.status, 60),
        acknowledged=acknowledged,
        reason="" if acknowledged or undecided else reason_of(status_code, error, duration_ms) or "unknown",
        status_code=status_code,
        error=error,
        duration_ms=duration_ms,
        at=at or read_at,
        at_is_estimate=at is None,
        next_at=_usable_time(raw.next_attempt_at, read_at),
    )


def is_final(attempt: Attempt) -> bool:
    """Return whether upstream's status means that no further attempt follows."""
    return _normalize_word(attempt.status) in FINAL


def _normalize_word(status: str | None) -> str:
    return (status or "")[:60].strip().lower().replace("-", "_").replace(" ", "_")


def _is_acknowledged(word: str, status_code: int | None) -> bool:
    """Go by the status code, unless upstream did not take a 2xx for an answer; without one by upstream's word."""
    if status_code is None:
        return word in SUCCEEDED
    return 200 <= status_code < 300 and word not in FAILED | FINAL


def _status_code(value: int | None) -> int | None:
    return value if value is not None and 100 <= value < 600 else None


def _duration_ms(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else round(max(0, min(value, _MAX_INTEGER)))


def _usable_time(time: datetime | None, read_at: datetime) -> datetime | None:
    return time if time is not None and _EARLIEST < time < read_at + _MAX_CLOCK_SKEW else None


def _identity(raw: DeliveryAttempt, workflow_id: str, at: datetime | None) -> str:
    """Return what identifies this attempt.

    The number is included even if there is an id: an upstream may keep one row for each delivery and count up in it,
    and later attempts must not be taken for the first.
    """
    number = "" if raw.attempt_number is None else f"#{raw.attempt_number}"
    if raw.id not in {None, ""} and len(f"{raw.id}{number}") <= 200 and sanitize_text(str(raw.id), 200) == str(raw.id):
        return f"{raw.id}{number}"
    identifying = (raw.id, workflow_id, raw.target, raw.attempt_number, at, raw.response_status_code, raw.error_message)
    digest = hashlib.sha256("\x1f".join(map(str, identifying)).encode(errors="replace")).hexdigest()
    return f"made-of-what-was-told-{digest[:40]}"
