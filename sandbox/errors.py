"""API errors, and the two JSON shapes in which the service returns them.

Management and the five older public endpoints return `{"detail": …}`; the newer public endpoints and v2
return `{"error": {…}}`. Which shape an older public endpoint uses for 401, 403 and 429 differs between the
service's pages; the authentication page names the codes `invalid_token`, `insufficient_scope` and
`rate_limited` for everything under `/api/v1/public/`, so these three statuses carry the newer shape there.
Errors of the older endpoints themselves (400, 402, 404, 422) have the older shape.
"""

import json
from decimal import Decimal
from itertools import islice
from typing import Protocol

from starlette.responses import JSONResponse

from .http.request_ids import HEADER, new_request_id

PUBLIC_PREFIX = "/api/v1/public/"
V2_PREFIX = "/api/v2/"
MANAGEMENT_PREFIX = "/api/v1/api-keys"
OTHER_SHAPES = (PUBLIC_PREFIX, MANAGEMENT_PREFIX, "/_sandbox", "/v1/client")
OLDER_PUBLIC = frozenset(
    PUBLIC_PREFIX + path
    for path in (
        "auth/validate-key",
        "credits/balance",
        "enrich/bulk",
        "enrich/status",
        "webhooks/deliveries",
    )
)
# What a validation error repeats of what was sent.
MAX_ECHO, MAX_ITEMS, MAX_DEPTH = 200, 20, 3
DOCS_URL = "https://docs.cleanlist.ai/errors/"


class ShortBalance(Protocol):
    """What is known of a call that costs more than there is."""

    estimated: Decimal
    available: Decimal


class AsciiJSONResponse(JSONResponse):
    """JSON in ASCII: otherwise an echoed lone surrogate would make the response impossible to encode."""

    def render(self, content: object) -> bytes:
        """Encode with every non-ASCII character escaped."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


class ApiError(Exception):
    """An error response: HTTP status, stable code, what is wrong, and what to do about it."""

    def __init__(
        self,
        status: int,
        code: str,
        problem: str,
        fix: str | None = None,
        *,
        retry_after: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.code = code
        self.problem = problem
        self.fix = fix
        self.retry_after = retry_after
        self.extra = extra or {}

    def headers(self, request_id: str) -> dict[str, str]:
        """Return the headers of the response."""
        headers = {HEADER: request_id}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers

    def envelope(self, request_id: str) -> dict[str, object]:
        """Return the body in the newer shape."""
        error: dict[str, object] = {
            "code": self.code,
            "problem": self.problem,
            "fix": self.fix,
            "retryable": self.status == 429 or self.status >= 500,
            "docs_url": DOCS_URL + self.code.replace("_", "-"),
            "request_id": request_id,
        }
        if self.retry_after is not None:
            error["retry_after_ms"] = self.retry_after * 1000
        return {"error": error | self.extra}


def invalid_token(problem: str) -> ApiError:
    """Return a 401 that says what is wrong with the credential."""
    return ApiError(
        401,
        "invalid_token",
        problem,
        "Send the header 'Authorization: Bearer clapi_...' with an active key, or sign in again.",
    )


def not_found(problem: str) -> ApiError:
    """Return a 404."""
    return ApiError(404, "not_found", problem, "Check the identifier and the organization it belongs to.")


def overloaded(problem: str) -> ApiError:
    """Return a 503 for what there is no place for at present."""
    return ApiError(503, "overloaded", problem, "Try again later.", retry_after=5)


def no_connection() -> ApiError:
    """Return the 503 for when every connection to the database is in use."""
    return overloaded("The sandbox has too much to do.")


def insufficient_credits(short: ShortBalance) -> ApiError:
    """Return the newer surface's 400 for a balance that does not cover a call."""
    return ApiError(
        400,
        "insufficient_credits",
        f"This call requires {short.estimated} credits; the organization has {short.available}.",
        "Top up in billing, or reduce the scope of the call.",
        extra={
            "estimated_cost_credits": _number(short.estimated),
            "available_credits": _number(short.available),
            "shortfall_credits": _number(short.estimated - short.available),
        },
    )


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)


def uses_envelope(path: str, status: int) -> bool:
    """Return whether an error on this path has the newer shape (see the module docstring)."""
    if path in OLDER_PUBLIC:
        return status in {401, 403, 429}
    return path.startswith((PUBLIC_PREFIX, V2_PREFIX))


def error_response(path: str, error: ApiError, *, anywhere: bool = False) -> JSONResponse:
    """Render an error in the shape of the surface of `path`; `anywhere`: in the newer one where there is no other."""
    request_id = new_request_id()
    in_envelope = uses_envelope(path, error.status) or (anywhere and not path.startswith(OTHER_SHAPES))
    body = error.envelope(request_id) if in_envelope else {"detail": error.problem}
    return AsciiJSONResponse(body, error.status, error.headers(request_id))


def echo(value: object) -> object:
    """Return the start of what a validation error refuses, in a form that can be JSON, without NaN or exceptions."""
    shown = _beginning(value, MAX_DEPTH)
    try:
        text = json.dumps(shown, allow_nan=False)
    except (TypeError, ValueError):
        return repr(shown)[:MAX_ECHO]
    return shown if len(text) <= 10 * MAX_ECHO else text[:MAX_ECHO] + "…"


def _beginning(value: object, depth: int) -> object:
    """Return a value without what is long or deep in it, so that a large body is not gone through for each error."""
    if isinstance(value, bytes):
        value = value[: 4 * MAX_ECHO].decode(errors="replace")
    if isinstance(value, str):
        return value if len(value) <= MAX_ECHO else value[:MAX_ECHO] + "…"
    if isinstance(value, dict | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, dict):
        return {_beginning(name, 0): _beginning(each, depth - 1) for name, each in islice(value.items(), MAX_ITEMS)}
    if isinstance(value, list | tuple):
        return [_beginning(each, depth - 1) for each in value[:MAX_ITEMS]]
    return value
