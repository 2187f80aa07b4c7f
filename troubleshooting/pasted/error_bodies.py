"""The bodies of errors, as they were pasted: which status they came with, and which topic that is."""

import ast
import html
import json
import re
from collections.abc import Mapping

import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError
from cleanlist.parsing.error_responses import error_from_text
from troubleshooting.cases import MOST_SAID, Case
from troubleshooting.pasted.request import decoded
from troubleshooting.pasted.statuses import find_reason, find_status

_ERROR_BODY = re.compile(r"\{\s{0,20}(?:\\?[\"'])(?:detail|error)(?:\\?[\"'])\s{0,20}:")
WORKFLOW_ID = re.compile(r"(?<![\w-])(?:public_bulk_|(?:bulk-)?enrich-|run_)[0-9a-f-]{8,60}\b", re.IGNORECASE)
_FOUND = ("emails_found", "phones_found")
_CONTACT_DATA = re.compile(r"\A(?!.{0,40}(?:status|type|source|provider))(?:\w{0,20}_)?(?:e?mail|phone)", re.IGNORECASE)
_SAFE = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_WORDS = re.compile(r"[a-z]{1,20}(?:[_.:-][a-z]{1,20}){0,7}", re.IGNORECASE)
_EXPIRED_SESSION = re.compile(
    r"expired session token|session (?:token )?(?:has |is )?expired|\btoken has expired", re.IGNORECASE
)
MOST_DECODED = 100_000
KEY_LIMIT = re.compile(r"maximum (?:number of |of 10 )?(?:active )?(?:api )?keys|\bkeys? limit reached", re.IGNORECASE)
TOO_MANY = re.compile(r"up to 250 contacts|(?:too many|more than 250|maximum of 250) contacts", re.IGNORECASE)
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
TOPIC_OF_STATUS = {407: "proxy", 405: "method", 408: "upstream", 413: "shape", 415: "shape"}
# What the surfaces without codes say, for an answer that was pasted without its status.
_ERROR_WORDS = (
    (r"insufficient credits", 402),
    (r"not authenticated|api key (is|has|was)|(invalid|expired|wrong|missing) api key|session token|unauthorized", 401),
    (r"token (?:is |has |was )?(?:expired|invalid)|(?:expired|invalid) token", 401),
    (r"scope|feature|api_access|plan|forbidden", 403),
    (r"rate limit|too many requests", 429),
    (r"method not allowed", 405),
    (r"not found|no .{1,40} has this id", 404),
    (r"internal (server )?error", 500),
    (r"bad gateway", 502),
    (r"unavailable", 503),
    (r"time-?out", 504),
)
_STATUS_OF_WORDS = tuple((re.compile(words, re.IGNORECASE), status) for words, status in _ERROR_WORDS)
_MARKUP = re.compile(r"\A\s*<(!doctype|html|head|body)", re.IGNORECASE)
_PAGE_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,100}>([^<]{1,300})</", re.IGNORECASE)


def parse_error(text: str, status: int | None, headers: Mapping[str, str] | None = None) -> CleanlistError | None:
    """Return the error of a response; its status is derived from the body if it is not given.

    None for what is no refusal.
    """
    code = status or guess_status(text)
    if code is None or code < 400:
        return None
    return error_from_text(code, text, headers or {})


def topic_for_error(error: CleanlistError) -> str:
    """Return the name of the topic that an error belongs to."""
    if isinstance(error, errors.BadRequest) and TOO_MANY.search(error.message):
        return "too_many"
    if isinstance(error, errors.BadRequest) and KEY_LIMIT.search(error.message):
        return "key_limit"
    return next(topic for kind, topic in _TOPICS if isinstance(error, kind))


def topic_for_status(status: int, endpoint: str = "") -> str:
    """Return the name of the topic that a bare status belongs to; what came with it is not known."""
    if status == 403 and "/public/" not in endpoint and endpoint.rstrip("/").endswith("/api-keys"):
        return "feature_gate"
    if status in TOPIC_OF_STATUS:
        return TOPIC_OF_STATUS[status]
    error = parse_error("", status)
    return topic_for_error(error) if error is not None else ""


def guess_status(text: str) -> int | None:
    """Return the status that an error's body must have come with; None for what is no error's body."""
    try:
        body = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return find_status(title_of_page(text) or "")
    if not isinstance(body, dict):
        return None
    status = _status_in(body)
    if status and "detail" in body:
        return status
    error = body.get("error")
    if isinstance(error, dict):
        return _STATUS_OF_CODE.get(str(error.get("code")), 400)
    return _status_of_detail(body.get("detail"))


def known_status(text: str) -> int | None:
    """Return the status that an error's body names, or that comes with its words; None where that isn't sure."""
    body = decoded(text)
    detail = body.get("detail") if isinstance(body, dict) else None
    is_sure = not isinstance(detail, str) or any(words.search(detail) for words, _ in _STATUS_OF_WORDS)
    return stated_status(text) or (guess_status(text) if is_sure else None)


def stated_status(text: str) -> int | None:
    """Return the status that an error's body names itself; None where it could only be derived from its words."""
    body = decoded(text)
    if body is None:
        return find_status(title_of_page(text) or "")
    return (_status_in(body) or _reason_in(body)) if isinstance(body, dict) else None


def _reason_in(body: Mapping[str, object]) -> int | None:
    """Return the status whose usual words, such as "Method Not Allowed", an error's message has."""
    error = body.get("error")
    words = body.get("detail") or (error.get("message") if isinstance(error, dict) else error)
    return find_reason(words) if isinstance(words, str) else None


def _status_in(body: Mapping[str, object]) -> int | None:
    stated = (body.get(name) for name in ("status_code", "statusCode", "status"))
    return next((one for one in stated if isinstance(one, int) and 400 <= one < 600), None)


def title_of_page(text: str) -> str | None:
    """Return the title of a web page, or its first heading, which is empty where it has none; None for other texts."""
    if not _MARKUP.match(text):
        return None
    found = _PAGE_TITLE.search(text[:MOST_DECODED])
    return " ".join(html.unescape(found[1]).split()) if found else ""


def words_of(text: str) -> str:
    """Return the words of an error's body that isn't the API's: a page's title, or the text itself."""
    title = title_of_page(text)
    if title is not None or decoded(text) is not None:
        return title or ""
    return text.strip()


def invalid_places(error: CleanlistError, text: str) -> str:
    """Return what a refusal lists first, such as "contacts[7].email: …", with a parser's reason behind it."""
    body = decoded(text)
    detail = body.get("detail") if isinstance(body, dict) else None
    context = detail[0].get("ctx") if isinstance(detail, list) and detail and isinstance(detail[0], dict) else None
    reason = context.get("error") if isinstance(context, dict) else None
    places = "; ".join(f"{item.where}: {item.message}" for item in error.validation_errors[:3])
    is_parsers = (
        isinstance(reason, str) and error.validation_errors[:1] and error.validation_errors[0].type == "json_invalid"
    )
    return f"{places}: {reason}" if is_parsers else places


def _status_of_detail(detail: object) -> int | None:
    if isinstance(detail, list):
        return 422
    if not isinstance(detail, str):
        return None
    return next((status for words, status in _STATUS_OF_WORDS if words.search(detail)), 400)


def embedded_error(text: str) -> str:
    """Return the body of an error that stands somewhere in ``text``, as JSON; empty where there is none."""
    found = _ERROR_BODY.search(text)
    if found is None:
        return ""
    rest = text[found.start() : found.start() + MOST_DECODED]
    if '\\"' in found[0]:
        rest = rest.replace('\\"', '"').replace("\\\\", "\\")
    try:
        value, _ = json.JSONDecoder().raw_decode(rest)
    except (ValueError, RecursionError):
        value = _from_python(rest[: rest.rfind("}") + 1])
    return json.dumps(value) if isinstance(value, dict) else ""


def _from_python(text: str) -> object:
    """Return a dict as Python prints it; None for anything else."""
    try:
        return ast.literal_eval(text) if len(text) < 10_000 else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def case_of_error(error: CleanlistError | None, status: int | None, text: str) -> Case:
    """Return the case of an answer, of which ``text`` is the body."""
    if error is None:
        return Case(heard="error", status=status)
    places = invalid_places(error, text)
    has_expired = isinstance(error, errors.AuthenticationError) and is_of_session(error.said)
    return Case(
        TOPIC_OF_STATUS.get(status or 0) or topic_for_error(error),
        "error",
        status=status,
        code=_safe(error.code, _WORDS),
        said=(places or error.said or words_of(text))[:MOST_SAID],
        request_id=_safe(error.request_id),
        scope=_safe(error.required_scope, _WORDS) if isinstance(error, errors.InsufficientScope) else "",
        slips=("expired_session",) if has_expired else (),
        workflow=workflow_in(text),
    )


def found_nothing(body: Mapping[str, object]) -> bool:
    """Return whether the status of a workflow says that it's finished, and that nothing was found for anybody."""
    summary, results = body.get("summary"), body.get("results")
    counts = summary if isinstance(summary, dict) else body
    if body.get("status") != "completed" or not isinstance(results, list) or not counts.get("total", len(results)):
        return False
    if any(counts.get(name) for name in _FOUND):
        return False
    values = [one.get(name) for one in results if isinstance(one, dict) for name in one if _CONTACT_DATA.match(name)]
    return not any(values) and (bool(values) or any(name in counts for name in _FOUND))


def is_of_session(text: str) -> bool:
    """Return whether a refusal says that a session token has expired."""
    return _EXPIRED_SESSION.search(text) is not None


def _safe(name: str | None, form: re.Pattern[str] = _SAFE) -> str:
    """Return what a program calls something; empty for any other text, which goes into no address."""
    return name if name and form.fullmatch(name) else ""


def workflow_in(text: str) -> str:
    """Return the first ID of a workflow in ``text``; empty where there is none."""
    found = WORKFLOW_ID.search(text)
    return found[0] if found else ""
