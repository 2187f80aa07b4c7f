"""Recognizes what somebody pasted: an error, a status, a command, a body, an id, a key, or words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError
from cleanlist.parsing.error_responses import error_from_text
from cleanlist.pricing import MOST_FOR_CONTACT
from keys.models import ApiKey
from troubleshooting.cases import MOST_SAID, Case
from troubleshooting.pasted import curl, headers
from troubleshooting.pasted.secrets import RemovedKey
from troubleshooting.topics import WORKFLOW
from workspaces.models import Workspace

_WORKFLOW = re.compile(r"\b(?:public_bulk_|enrich-)[0-9a-f-]{8,60}\b", re.IGNORECASE)
_STATUS = re.compile(r"(?:http(?:/[\d.]+)?\s+)?([1-5]\d\d)(?:\s[\w' -]{0,40})?", re.IGNORECASE)
_STATUS_IN_WORDS = re.compile(
    r"\b(?:status(?: code)?|http|error|got|an?)\W{0,3}([45]\d\d)\b|\b(4\d\d|5\d\d)\b (?=[A-Z])"
)
_HTTP = re.compile(r"\AHTTP/[\d.]+ (\d{3})[^\r\n]*\r?\n(.*?)(?:\r?\n\r?\n(.*)|$)", re.DOTALL)
_HEADER_LINE = re.compile(
    r"^[ \t]*((?:proxy-)?authorization|x-api-key)[ \t]*:[ \t]*+(?:\r?\n[ \t]*+)?(.*)", re.IGNORECASE | re.MULTILINE
)
_NOTHING = re.compile(r"empty|nothing|no results?", re.IGNORECASE)
_WEBHOOK = re.compile(r"webhook|arrived|deliver", re.IGNORECASE)
_VISIBLE = re.compile(r"(clapi_[\w-]{4})(?:(?:…|\.\.\.|\*+)([\w-]{4}))?")
_TOPIC_WORDS = (
    (r"maximum active api keys|11th key|too many keys|ten keys", "key_limit"),
    (r"up to 250 contacts|more than 250", "too_many"),
    (r"smart column|stuck on .?pending", "smart_columns"),
    (r"\bcrm\b|hubspot|salesforce|pipedrive|field mapping", "crm_push"),
    (r"lead list|\bDEFAULT\b", "lead_list"),
    (r"webhook|never arrived|deliver", "no_webhook"),
    (r"insufficient.?scope|scope", "scope"),
    (r"api_access|feature.?gate", "feature_gate"),
    (r"insufficient.?credits|payment required|out of credits|credits", "credits"),
    (r"rate.?limit|too many requests", "rate_limited"),
    # No second beginning in between: many beginnings must not each look through all that follows.
    (r"lost ((?!lost ).)*?(secret|key)|(secret|key) ((?!(secret|key) ).)*?lost|forgot", "lost_secret"),
    (r"empty|nothing found|no results?|no (e-?mail|phone)", "empty"),
    (r"unauthori[sz]ed|invalid.?token|not authenticated", "unauthorized"),
    (r"validation|unprocessable|field required", "shape"),
    (r"bad gateway|time.?out|unavailable|connection (refused|reset)", "upstream"),
)
_WORDS = tuple((re.compile(words, re.IGNORECASE), topic) for words, topic in _TOPIC_WORDS)
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
_ERROR_WORDS = (
    (r"insufficient credits", 402),
    (r"not authenticated|api key (is|has|was)|session token|unauthorized", 401),
    (r"scope|feature|api_access|plan", 403),
    (r"rate limit|too many requests", 429),
    (r"not found|no .{1,40} has this id", 404),
    (r"bad gateway|unavailable|internal (server )?error|time-?out", 502),
)
_STATUS_OF_WORDS = tuple((re.compile(words, re.IGNORECASE), status) for words, status in _ERROR_WORDS)
_MARKUP = re.compile(r"\A\s*<(!doctype|html)", re.IGNORECASE)


@dataclass(frozen=True)
class RecognizedPaste:
    """The case that was recognized, and the request body that came with it, which never goes into a URL."""

    case: Case
    body: str = ""


def recognize(text: str, workspace: Workspace) -> RecognizedPaste:
    """Return what ``text``, without its secrets, is; a case without topic where nothing is recognized."""
    clean = text.strip()
    tries: tuple[Callable[[str, Workspace], RecognizedPaste | None], ...] = (
        _command,
        _answer,
        _json,
        _header,
        _status,
        _workflow,
        _key,
        _words,
    )
    found = (each(clean, workspace) for each in tries)
    return next((one for one in found if one is not None), RecognizedPaste(Case()))


def _command(text: str, workspace: Workspace) -> RecognizedPaste | None:
    command = curl.parse_curl(text)
    if command is None:
        return None
    slips = headers.find_mistakes(command.headers, uses_basic=command.uses_basic, raw=text)
    case = Case(
        "unauthorized" if slips != (headers.GOOD,) else "",
        "curl",
        endpoint=command.endpoint,
        slips=slips,
        key=_known_key(text, workspace),
        workflow=_workflow_in(command.url),
    )
    has_request = command.body and (command.endpoint.endswith("/enrich/bulk") or _is_request(_decoded(command.body)))
    if has_request:
        case = _with_request(case, _decoded(command.body))
    topic = case.topic or ("shape" if has_request else WORKFLOW if case.workflow else "unauthorized")
    return RecognizedPaste(replace(case, topic=topic), command.body if topic == "shape" else "")


def _answer(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a whole HTTP answer, as ``curl -i`` shows it."""
    found = _HTTP.match(text)
    if found is None:
        return None
    lines = (line.partition(":") for line in found[2].splitlines())
    fields = {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
    body = found[3] or ""
    status = int(found[1])
    if status < 400:
        return _json(body.strip(), workspace)
    return RecognizedPaste(_case_of(parse_error(body, status, fields), status, body))


def _json(text: str, _: Workspace) -> RecognizedPaste | None:
    body = _decoded(text)
    if _is_request(body) or (body is None and text.startswith("{") and '"contacts"' in text):
        return RecognizedPaste(_with_request(Case("shape", "body"), body), text)
    error = parse_error(text, None)
    if error is not None:
        return RecognizedPaste(_case_of(error, error.status, text))
    if isinstance(body, dict) and body.get("valid") is False:
        return RecognizedPaste(Case("unauthorized", "error"))
    if isinstance(body, dict) and (workflow := _workflow_in(str(body.get("workflow_id", "")))):
        return RecognizedPaste(Case(WORKFLOW, "workflow", workflow=workflow))
    return None


def _is_request(body: object) -> bool:
    """Return whether this is a request to enrich, or at least the contacts of one."""
    if isinstance(body, list):
        return bool(body) and isinstance(body[0], dict) and bool({"linkedin_url", "first_name"} & body[0].keys())
    return isinstance(body, dict) and "contacts" in body and "workflow_id" not in body


def _header(text: str, workspace: Workspace) -> RecognizedPaste | None:
    found = [(name, value.strip()) for name, value in _HEADER_LINE.findall(text)]
    if not found:
        return None
    slips = headers.find_mistakes(found, raw=text)
    return RecognizedPaste(Case("unauthorized", "header", slips=slips, key=_known_key(text, workspace)))


def _status(text: str, _: Workspace) -> RecognizedPaste | None:
    found = _STATUS.fullmatch(text)
    if found is None:
        return None
    status = int(found[1])
    return RecognizedPaste(Case(topic_for_status(status), "status", status=status))


def _workflow(text: str, _: Workspace) -> RecognizedPaste | None:
    workflow = _workflow_in(text)
    if not workflow:
        return None
    topics = (("empty", _NOTHING), ("no_webhook", _WEBHOOK))
    topic = next((name for name, words in topics if words.search(text)), WORKFLOW)
    return RecognizedPaste(Case(topic, "workflow", workflow=workflow))


def _key(text: str, workspace: Workspace) -> RecognizedPaste | None:
    key = RemovedKey.first_in(text)
    if key is None and not _VISIBLE.fullmatch(text):
        return None
    slips = headers.find_key_mistakes(key) if key else ()
    return RecognizedPaste(Case("unauthorized", "key", slips=slips, key=_known_key(text, workspace)))


def _words(text: str, workspace: Workspace) -> RecognizedPaste | None:
    match = _STATUS_IN_WORDS.search(text)
    status = int(match[1] or match[2]) if match else None
    topic = next((name for words, name in _WORDS if words.search(text)), "")
    if status is None and not topic:
        return None
    case = Case(topic or topic_for_status(status or 0), "words", status=status, key=_known_key(text, workspace))
    return RecognizedPaste(replace(case, said=text[:MOST_SAID]) if len(text) <= MOST_SAID else case)


def _case_of(error: CleanlistError | None, status: int | None, text: str) -> Case:
    if error is None:
        return Case(heard="error", status=status)
    places = "; ".join(f"{item.where}: {item.message}" for item in error.validation_errors[:3])
    return Case(
        topic_for_error(error),
        "error",
        status=status,
        code=(error.code or "")[:100],
        said=(places or error.message)[:MOST_SAID],
        request_id=(error.request_id or "")[:100],
        scope=(error.required_scope or "")[:60] if isinstance(error, errors.InsufficientScope) else "",
        workflow=_workflow_in(text),
    )


def _with_request(case: Case, body: object) -> Case:
    """Add how many contacts a request has, and its type."""
    contacts = body.get("contacts") if isinstance(body, dict) else body
    kind = body.get("enrichment_type", "partial") if isinstance(body, dict) else "partial"
    return replace(
        case,
        contacts=len(contacts) or None if isinstance(contacts, list) else None,
        type=kind if isinstance(kind, str) and kind in MOST_FOR_CONTACT else "",
    )


def _known_key(text: str, workspace: Workspace) -> UUID | None:
    """Return the id of the only key that has the visible ends in ``text``; None where none or several have."""
    key, seen = RemovedKey.first_in(text), _VISIBLE.search(text)
    prefix, last4 = (key.prefix, key.last4) if key else (seen[1], seen[2] or "") if seen else ("", "")
    if not prefix:
        return None
    found = ApiKey.objects.of(workspace).filter(prefix=prefix)
    ids = (found.filter(last4=last4) if last4 else found).values_list("key_id", flat=True)[:2]
    return ids[0] if len(ids) == 1 else None


def _workflow_in(text: str) -> str:
    found = _WORKFLOW.search(text)
    return found[0] if found else ""


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


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
