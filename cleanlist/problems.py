"""From an answer that is not a success to the exception that says so.

Upstream has two error shapes: `{"detail": …}` on the management and legacy surfaces, `{"error": {…}}` on the
newer one. Proxies in between add HTML, nothing at all, and cut-off JSON. Each is read everywhere.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError, ErrorFields, ItemError
from cleanlist.wire import Answer

_BY_CODE: Final[Mapping[str, type[CleanlistError]]] = {
    "invalid_token": errors.AuthenticationError,
    "insufficient_scope": errors.InsufficientScope,
    "feature_gated": errors.FeatureGated,
    "validation_error": errors.ValidationFailed,
    "insufficient_credits": errors.InsufficientCredits,
    "not_found": errors.NotFound,
    "rate_limited": errors.RateLimited,
}
_BY_STATUS: Final[Mapping[int, type[CleanlistError]]] = {
    401: errors.AuthenticationError,
    402: errors.InsufficientCredits,
    403: errors.Forbidden,
    404: errors.NotFound,
    422: errors.ValidationFailed,
    429: errors.RateLimited,
}
_LONGEST_RETRY_AFTER: Final = 86_400.0  # a day; more than that is a mistake, and breaks date arithmetic
_LONGEST_TEXT: Final = 500
# What begins like a session token is taken as a whole, dot or not: looked at again from each of its characters, a long
# one would take time by the square of its length.
_SECRETS: Final = re.compile(r"(cl(?:api|ext)_[\w-]+|(?<=Bearer )\S+)|eyJ[\w-]+(\.[\w-]+(?:\.[\w-]*)?)?", re.IGNORECASE)


@dataclass(slots=True)
class _Report:
    """What an error body says, whichever its shape."""

    message: str = ""
    code: str | None = None
    fix: str | None = None
    request_id: str | None = None
    retry_after_ms: float | None = None
    items: tuple[ItemError, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def problem_in(answer: Answer, *, command: bool, confidential: bool) -> CleanlistError | None:
    """Return the exception that an answer stands for, or None if it is a whole 2xx.

    `command` says that the call may have changed something upstream; `confidential` that no excerpt is kept.
    """
    excerpt = "" if confidential else redacted(answer.text(_LONGEST_TEXT))
    facts: ErrorFields = {
        "status": answer.status,
        "request_id": answer.headers.get("x-request-id"),
        "body": excerpt,
    }
    if answer.status >= 400:
        return _refusal(answer, facts, command=command)
    facts["outcome_unknown"] = command
    if not 200 <= answer.status < 300:
        return errors.UnexpectedResponse(_redirect_message(answer), **facts)
    if answer.cut_off:
        message = "Upstream's answer is larger than the set limit, so it was not read to its end"
        return errors.ResponseTooLarge(message, **facts)
    return None


def problem_told(status: int, body: str, headers: Mapping[str, str]) -> CleanlistError | None:
    """Return the exception that an answer stands for which somebody else got; None if it is a whole 2xx."""
    told = [(name.encode(errors="replace"), value.encode(errors="replace")) for name, value in headers.items()]
    answer = Answer(status, httpx.Headers(told), body.encode(errors="replace"))
    return problem_in(answer, command=False, confidential=False)


def unreadable(answer: Answer, reason: str, *, command: bool, confidential: bool) -> errors.UnexpectedResponse:
    """Return the exception for a 2xx whose body is not what the API documents."""
    message = f"Upstream answered {answer.status} with {answer.kind_of_body()}"
    return errors.UnexpectedResponse(
        f"{message}: {reason}" if reason and answer.is_json() else message,
        status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        body="" if confidential else redacted(answer.text(_LONGEST_TEXT)),
        outcome_unknown=command,
    )


def redacted(text: str) -> str:
    """Replace everything that looks like a key or a token."""
    return _SECRETS.sub(lambda found: "[secret]" if found[1] or found[2] else found[0], text)


def _refusal(answer: Answer, facts: ErrorFields, *, command: bool) -> CleanlistError:
    report = _read_report(answer)
    kind = _kind_of(answer.status, report)
    message = redacted(report.message)[:_LONGEST_TEXT]
    facts["code"] = report.code
    facts["fix"] = report.fix
    facts["request_id"] = report.request_id or facts["request_id"]
    facts["retry_after"] = _retry_after(answer, report)
    facts["validation_errors"] = report.items
    facts["outcome_unknown"] = command and answer.status >= 500
    error = kind(message or f"Upstream answered {answer.status} with {answer.kind_of_body()}", **facts)
    _add_details(error, report.details)
    return error


def _kind_of(status: int, report: _Report) -> type[CleanlistError]:
    if status >= 500:
        return errors.ServerFailed
    if status == 400 and "maximum active api keys" in report.message.lower():
        return errors.KeyLimitReached
    if report.code is not None and report.code in _BY_CODE:
        return _BY_CODE[report.code]
    if status == 403:
        return _kind_of_403(report.message.lower())
    return _BY_STATUS.get(status, errors.BadRequest)


def _kind_of_403(message: str) -> type[CleanlistError]:
    """Go by the words: the legacy surface has no codes."""
    if "api_access" in message or "feature" in message or "plan" in message:
        return errors.FeatureGated
    if "scope" in message:
        return errors.InsufficientScope
    return errors.Forbidden


def _read_report(answer: Answer) -> _Report:
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Report()
    if not isinstance(body, dict):
        return _Report()
    if isinstance(body.get("error"), dict):
        return _read_newer_shape(body["error"])
    return _read_older_shape(body)


def _read_newer_shape(error: Mapping[str, Any]) -> _Report:
    raw = error.get("details")
    details: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    listed = details.get("errors", raw)
    return _Report(
        message=_text(error.get("problem")) or _text(error.get("message")) or "",
        code=_text(error.get("code")),
        fix=_text(error.get("fix")),
        request_id=_text(error.get("request_id")),
        retry_after_ms=_number(error.get("retry_after_ms")),
        items=_items(listed),
        details={**error, **details},
    )


def _read_older_shape(body: Mapping[str, Any]) -> _Report:
    detail = body.get("detail")
    if isinstance(detail, dict):
        return _read_newer_shape(detail)
    items = _items(detail)
    listed = "; ".join(f"{item.where}: {item.message}".lstrip(": ") for item in items[:3])
    message = _text(detail) or listed or _text(body.get("message")) or _text(body.get("error")) or ""
    return _Report(message=message, code=_text(body.get("code")), items=items)


def _items(listed: object) -> tuple[ItemError, ...]:
    if not isinstance(listed, list):
        return ()
    return tuple(_item(entry) for entry in listed if isinstance(entry, dict))


def _item(entry: Mapping[str, Any]) -> ItemError:
    loc = entry.get("loc")
    places = tuple(part for part in loc if isinstance(part, str | int)) if isinstance(loc, list) else ()
    message = _text(entry.get("msg")) or _text(entry.get("message")) or "not valid"
    return ItemError(places, redacted(message), _text(entry.get("type")))


def _add_details(error: CleanlistError, details: Mapping[str, Any]) -> None:
    if isinstance(error, errors.InsufficientScope):
        granted = details.get("granted_scopes")
        error.required_scope = _text(details.get("required_scope"))
        error.granted_scopes = tuple(map(str, granted)) if isinstance(granted, list) else ()
    if isinstance(error, errors.InsufficientCredits):
        error.estimated = _decimal(details.get("estimated_cost_credits"))
        error.available = _decimal(details.get("available_credits"))
        error.shortfall = _decimal(details.get("shortfall_credits"))


def _retry_after(answer: Answer, report: _Report) -> float | None:
    """Seconds to wait; the longer one where the header and the body both say."""
    told = [_seconds(answer.headers.get("retry-after", ""))]
    if report.retry_after_ms is not None:
        told.append(report.retry_after_ms / 1000)
    waits = [min(wait, _LONGEST_RETRY_AFTER) for wait in told if wait is not None and wait >= 0]
    return max(waits, default=None)


def _seconds(header: str) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date (RFC 9110, section 10.2.3)."""
    if not header:
        return None
    try:
        return _number(float(header))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _redirect_message(answer: Answer) -> str:
    target = answer.headers.get("location", "").split("?", 1)[0].split("#", 1)[0]
    where = f" to {redacted(target)[:200]}" if target else ""
    return f"Upstream answered {answer.status}, a redirect{where}, which is not followed with credentials"


# Characters that act on terminals or turn text around; and more than the longest sentence that anybody reads.
_HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_LONGEST_SENTENCE = 2000


def _text(value: object) -> str | None:
    return _HARMFUL.sub("\ufffd", value[:_LONGEST_SENTENCE]) if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
