"""Recognizes what somebody pasted: an error, a status, a command, a body, an id, a key, or words."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError
from cleanlist.pricing import MOST_FOR_CONTACT
from keys.models import ApiKey
from troubleshooting.cases import MOST_SAID, Case
from troubleshooting.pasted import curl, headers
from troubleshooting.pasted.error_responses import parse_error, topic_for_error, topic_for_status
from troubleshooting.pasted.secrets import RemovedKey
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
    topic = case.topic or ("shape" if has_request else "no_webhook" if case.workflow else "unauthorized")
    return RecognizedPaste(replace(case, topic=topic), command.body if topic == "shape" else "")


def _answer(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a whole HTTP answer, as ``curl -i`` shows it."""
    found = _HTTP.match(text)
    if found is None:
        return None
    lines = (line.partition(":") for line in found[2].splitlines())
    told = {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
    body = found[3] or ""
    status = int(found[1])
    if status < 400:
        return _json(body.strip(), workspace)
    return RecognizedPaste(_case_of(parse_error(body, status, told), status, body))


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
        return RecognizedPaste(Case("empty" if "results" in body else "no_webhook", "workflow", workflow=workflow))
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
    empty = _NOTHING.search(text)
    return RecognizedPaste(Case("empty" if empty else "no_webhook", "workflow", workflow=workflow))


def _key(text: str, workspace: Workspace) -> RecognizedPaste | None:
    key = RemovedKey.first_in(text)
    if key is None and not _VISIBLE.fullmatch(text):
        return None
    slips = headers.find_key_mistakes(key) if key else ()
    return RecognizedPaste(Case("unauthorized", "key", slips=slips, key=_known_key(text, workspace)))


def _words(text: str, workspace: Workspace) -> RecognizedPaste | None:
    told = _STATUS_IN_WORDS.search(text)
    status = int(told[1] or told[2]) if told else None
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
