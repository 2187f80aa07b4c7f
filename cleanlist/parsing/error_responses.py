"""Turns error responses into exceptions.

Upstream has two error formats: `{"detail": …}` in the management and legacy APIs, `{"error": {…}}` in the newer one.
Proxies add HTML, empty bodies and truncated JSON. All of them are accepted everywhere.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
import msgspec

from cleanlist import characters, errors
from cleanlist.errors import CleanlistError, ErrorFields, ItemError
from cleanlist.secret_formats import KEY_START, session_token
from cleanlist.transport.response import Response

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
_MAX_RETRY_AFTER: Final = 86_400.0  # a day; more is a mistake, and breaks date arithmetic
_MAX_MESSAGE_LENGTH: Final = 500
_SECRETS: Final = re.compile(rf"({KEY_START}[\w-]+|(?<=Bearer )\S+)|{session_token()}", re.IGNORECASE)


@dataclass(slots=True)
class _ErrorBody:
    """The content of an error body of either shape."""

    message: str = ""
    code: str | None = None
    fix: str | None = None
    request_id: str | None = None
    retry_after_ms: float | None = None
    items: tuple[ItemError, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


def error_from_response(response: Response, *, command: bool, confidential: bool) -> CleanlistError | None:
    """Return the exception for a response, or None for a complete 2xx.

    `command`: the call may have changed something upstream. `confidential`: keep no excerpt of the body.
    """
    excerpt = "" if confidential else redact_secrets(response.text(_MAX_MESSAGE_LENGTH))
    facts: ErrorFields = {
        "status": response.status,
        "request_id": response.headers.get("x-request-id"),
        "body": excerpt,
    }
    if response.status >= 400:
        return _api_error(response, facts, command=command)
    facts["outcome_unknown"] = command
    if not 200 <= response.status < 300:
        return errors.UnexpectedResponse(_redirect_message(response), **facts)
    if response.truncated:
        message = "Cleanlist's response exceeds the size limit and was cut off"
        return errors.ResponseTooLarge(message, **facts)
    return None


def error_from_text(status: int, body: str, headers: Mapping[str, str]) -> CleanlistError | None:
    """Return the exception for a response that someone else received, or None for a complete 2xx."""
    encoded = [(name.encode(errors="replace"), value.encode(errors="replace")) for name, value in headers.items()]
    response = Response(status, httpx.Headers(encoded), body.encode(errors="replace"))
    return error_from_response(response, command=False, confidential=False)


def unreadable_response(
    response: Response, reason: str, *, command: bool, confidential: bool
) -> errors.UnexpectedResponse:
    """Return the exception for a 2xx with a body other than the API documents."""
    message = f"Cleanlist returned {response.status} with {response.describe_body()}"
    return errors.UnexpectedResponse(
        f"{message}: {reason}" if reason and response.is_json() else message,
        status=response.status,
        request_id=response.headers.get("x-request-id"),
        body="" if confidential else redact_secrets(response.text(_MAX_MESSAGE_LENGTH)),
        outcome_unknown=command,
    )


def redact_secrets(text: str) -> str:
    """Replace everything that looks like a key or a token."""
    return _SECRETS.sub(lambda match: "[secret]" if match[1] or match[2] else match[0], text)


def _api_error(response: Response, facts: ErrorFields, *, command: bool) -> CleanlistError:
    error_body = _parse_body(response)
    kind = _error_class(response.status, error_body)
    message = redact_secrets(error_body.message)[:_MAX_MESSAGE_LENGTH]
    facts["said"] = message
    facts["code"] = error_body.code
    facts["fix"] = error_body.fix
    facts["request_id"] = error_body.request_id or facts["request_id"]
    facts["retry_after"] = _retry_after(response, error_body)
    facts["validation_errors"] = error_body.items
    facts["outcome_unknown"] = command and response.status >= 500
    error = kind(message or f"Cleanlist returned {response.status} with {response.describe_body()}", **facts)
    _add_details(error, error_body.details)
    return error


def _error_class(status: int, error_body: _ErrorBody) -> type[CleanlistError]:
    if status >= 500:
        return errors.ServerFailed
    if status == 400 and "maximum active api keys" in error_body.message.lower():
        return errors.KeyLimitReached
    if error_body.code is not None and error_body.code in _BY_CODE:
        return _BY_CODE[error_body.code]
    if status == 403:
        return _forbidden_class(error_body.message.lower())
    return _BY_STATUS.get(status, errors.BadRequest)


def _forbidden_class(message: str) -> type[CleanlistError]:
    """Choose the class by the message, because the legacy API has no codes."""
    if "api_access" in message or "feature" in message or "plan" in message:
        return errors.FeatureGated
    if "scope" in message:
        return errors.InsufficientScope
    return errors.Forbidden


def _parse_body(response: Response) -> _ErrorBody:
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _ErrorBody()
    if not isinstance(body, dict):
        return _ErrorBody()
    if isinstance(body.get("error"), dict):
        return _parse_newer_shape(body["error"])
    return _parse_older_shape(body)


def _parse_newer_shape(error: Mapping[str, object]) -> _ErrorBody:
    raw = error.get("details")
    details: Mapping[str, object] = raw if isinstance(raw, dict) else {}
    listed = details.get("errors", raw)
    return _ErrorBody(
        message=_clean_text(error.get("problem")) or _clean_text(error.get("message")) or "",
        code=_clean_text(error.get("code")),
        fix=_clean_text(error.get("fix")),
        request_id=_clean_text(error.get("request_id")),
        retry_after_ms=_number(error.get("retry_after_ms")),
        items=_parse_items(listed),
        details={**error, **details},
    )


def _parse_older_shape(body: Mapping[str, object]) -> _ErrorBody:
    detail = body.get("detail")
    if isinstance(detail, dict):
        return _parse_newer_shape(detail)
    items = _parse_items(detail)
    listed = "; ".join(f"{item.where}: {item.message}".lstrip(": ") for item in items[:3])
    message = _clean_text(detail) or listed or _clean_text(body.get("message")) or _clean_text(body.get("error")) or ""
    return _ErrorBody(message=message, code=_clean_text(body.get("code")), items=items)


def _parse_items(listed: object) -> tuple[ItemError, ...]:
    if not isinstance(listed, list):
        return ()
    return tuple(_parse_item(entry) for entry in listed if isinstance(entry, dict))


def _parse_item(entry: Mapping[str, object]) -> ItemError:
    loc = entry.get("loc")
    path = tuple(part for part in loc if isinstance(part, str | int)) if isinstance(loc, list) else ()
    message = _clean_text(entry.get("msg")) or _clean_text(entry.get("message")) or "not valid"
    return ItemError(path, redact_secrets(message), _clean_text(entry.get("type")))


def _add_details(error: CleanlistError, details: Mapping[str, object]) -> None:
    if isinstance(error, errors.InsufficientScope):
        granted = details.get("granted_scopes")
        error.required_scope = _clean_text(details.get("required_scope"))
        error.granted_scopes = tuple(map(str, granted)) if isinstance(granted, list) else ()
    if isinstance(error, errors.InsufficientCredits):
        error.estimated = _decimal(details.get("estimated_cost_credits"))
        error.available = _decimal(details.get("available_credits"))
        error.shortfall = _decimal(details.get("shortfall_credits"))


def _retry_after(response: Response, error_body: _ErrorBody) -> float | None:
    """Return the seconds to wait: the longer time of header and body."""
    candidates = [_parse_retry_after(response.headers.get("retry-after", ""))]
    if error_body.retry_after_ms is not None:
        candidates.append(error_body.retry_after_ms / 1000)
    valid = [min(wait, _MAX_RETRY_AFTER) for wait in candidates if wait is not None and wait >= 0]
    return max(valid, default=None)


def _parse_retry_after(header: str) -> float | None:
    """Parse `Retry-After`: a number of seconds, or a date (RFC 9110, section 10.2.3)."""
    if not header:
        return None
    try:
        return _number(float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _redirect_message(response: Response) -> str:
    target = response.headers.get("location", "").split("?", 1)[0].split("#", 1)[0]
    destination = f" to {redact_secrets(target)[:200]}" if target else ""
    return f"Cleanlist returned {response.status}, a redirect{destination}, which the console won't follow"


_HARMFUL: Final = re.compile(f"[{characters.HARMFUL}]")
_MAX_FIELD_LENGTH = 2000


def _clean_text(value: object) -> str | None:
    return _HARMFUL.sub("\ufffd", value[:_MAX_FIELD_LENGTH]) if isinstance(value, str) and value else None


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
