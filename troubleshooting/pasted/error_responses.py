"""Reads an answer of the API that somebody pasted: which error it is, and which topic it belongs to."""

import re
from collections.abc import Mapping

import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError
from cleanlist.parsing.error_responses import error_from_text

TOO_MANY = re.compile(r"up to 250 contacts", re.IGNORECASE)
# Each class comes before the class that it refines.
_TOPICS: tuple[tuple[type[CleanlistError], str], ...] = (
    (errors.AuthenticationError, "unauthorized"),
    (errors.InsufficientScope, "scope"),
    (errors.FeatureGated, "feature_gate"),
    (errors.Forbidden, "scope"),
    (errors.InsufficientCredits, "credits"),
    (errors.KeyLimitReached, "key_limit"),
    (errors.RateLimited, "rate_limited"),
    (errors.NotFound, "not_found"),
    (errors.ValidationFailed, "shape"),
    (errors.BadRequest, "refused"),
    (errors.UpstreamUnavailable, "upstream"),
    (errors.UnexpectedResponse, "upstream"),
)
_STATUS_OF_CODE = {
    "invalid_token": 401,
    "insufficient_scope": 403,
    "feature_gated": 403,
    "not_found": 404,
    "rate_limited": 429,
    "internal_error": 500,
}
# What the surfaces without codes say, for an answer that was pasted without its status.
_WORDS = (
    (r"insufficient credits", 402),
    (r"not authenticated|api key (is|has|was)|session token|unauthorized", 401),
    (r"scope|feature|api_access|plan", 403),
    (r"rate limit|too many requests", 429),
    (r"not found|no .{1,40} has this id", 404),
    (r"bad gateway|unavailable|internal (server )?error|time-?out", 502),
)
_STATUS_OF_WORDS = tuple((re.compile(words, re.IGNORECASE), status) for words, status in _WORDS)
_MARKUP = re.compile(r"\A\s*<(!doctype|html)", re.IGNORECASE)


def parse_error(text: str, status: int | None, headers: Mapping[str, str] | None = None) -> CleanlistError | None:
    """Return the error of a response; its status is derived from the body if it is not given.

    None for what is no refusal.
    """
    told = status or guess_status(text)
    if told is None or told < 400:
        return None
    return error_from_text(told, text, headers or {})


def topic_for_error(error: CleanlistError) -> str:
    """Return the name of the topic that an error belongs to."""
    if isinstance(error, errors.BadRequest) and TOO_MANY.search(error.message):
        return "too_many"
    return next(topic for kind, topic in _TOPICS if isinstance(error, kind))


def topic_for_status(status: int, endpoint: str = "") -> str:
    """Return the name of the topic that a bare status belongs to; what came with it is not known."""
    if status == 403 and "/public/" not in endpoint and endpoint.rstrip("/").endswith("/api-keys"):
        return "feature_gate"
    error = parse_error("", status)
    return topic_for_error(error) if error is not None else ""


def guess_status(text: str) -> int | None:
    """Return the status that an error's body must have come with; None for what is no error's body."""
    try:
        body = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return 502 if _MARKUP.match(text) else None
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        return _STATUS_OF_CODE.get(str(error.get("code")), 400)
    return _status_of_detail(body.get("detail"))


def _status_of_detail(detail: object) -> int | None:
    if isinstance(detail, list):
        return 422
    if not isinstance(detail, str):
        return None
    return next((status for words, status in _STATUS_OF_WORDS if words.search(detail)), 400)
