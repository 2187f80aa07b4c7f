"""API errors, and the two JSON shapes in which the service returns them.

Management and the five older public endpoints return `{"detail": …}`; the newer public endpoints and v2
return `{"error": {…}}`. Which shape an older public endpoint uses for 401, 403 and 429 differs between the
service's pages; the authentication page names the codes `invalid_token`, `insufficient_scope` and
`rate_limited` for everything under `/api/v1/public/`, so these three statuses carry the newer shape there.
Errors of the older endpoints themselves (400, 402, 404, 422) have the older shape.
"""

import json
import secrets

from starlette.responses import JSONResponse

PUBLIC_PREFIX = "/api/v1/public/"
V2_PREFIX = "/api/v2/"
MANAGEMENT_PREFIX = "/api/v1/api-keys"
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
DOCS_URL = "https://docs.cleanlist.ai/errors/"


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
        headers = {"X-Request-Id": request_id}
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


def uses_envelope(path: str, status: int) -> bool:
    """Return whether an error on this path has the newer shape (see the module docstring)."""
    if path in OLDER_PUBLIC:
        return status in {401, 403, 429}
    return path.startswith((PUBLIC_PREFIX, V2_PREFIX))


def error_response(path: str, error: ApiError) -> JSONResponse:
    """Render an error in the shape of the surface of `path`."""
    request_id = f"req_{secrets.token_hex(8)}"
    body = error.envelope(request_id) if uses_envelope(path, error.status) else {"detail": error.problem}
    return AsciiJSONResponse(body, error.status, error.headers(request_id))


def json_safe(value: object) -> object:
    """Return the input echoed by a validation error in a form that can be JSON, without NaN or exceptions."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)[:200]
    return value
