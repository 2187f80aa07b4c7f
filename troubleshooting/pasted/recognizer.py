"""Recognizes what somebody pasted: a request, an error, a status, a body, an id, a key, or words.

Each reader says what it understood, or None; the first one that understood anything is believed. What is wrong with a
request is judged apart from reading it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from cleanlist import errors
from cleanlist.errors import CleanlistError
from cleanlist.pricing import MOST_FOR_CONTACT
from keys.models import ApiKey
from troubleshooting.body.wrong_forms import find_wrong_form
from troubleshooting.cases import MOST_SAID, Case
from troubleshooting.pasted import headers, statuses
from troubleshooting.pasted.code import parse_code
from troubleshooting.pasted.curl import parse_curl
from troubleshooting.pasted.error_bodies import (
    TOPIC_OF_STATUS,
    embedded_error,
    guess_status,
    parse_error,
    topic_for_error,
    topic_for_status,
)
from troubleshooting.pasted.exports import parse_export
from troubleshooting.pasted.request import PastedRequest
from troubleshooting.pasted.secret_patterns import MARK
from troubleshooting.pasted.secrets import RemovedKey
from troubleshooting.pasted.transcripts import parse_raw_request
from troubleshooting.topics import WORKFLOW
from workspaces.models import Workspace

_WORKFLOW = re.compile(r"\b(?:public_bulk_|enrich-)[0-9a-f-]{8,60}\b", re.IGNORECASE)
_STATUS = re.compile(r"(?:http(?:/[\d.]+)?\s+)?([1-5]\d\d)(?:\s[\w' -]{0,40})?", re.IGNORECASE)
_HTTP = re.compile(r"\AHTTP/[\d.]+ (\d{3})[^\r\n]*\r?\n(.*?)(?:\r?\n\r?\n(.*)|$)", re.DOTALL)
_HEADER_LINE = re.compile(
    r"^[ \t]*((?:proxy-)?authorization|x-api-key)[ \t]*:[ \t]*+(?:\r?\n[ \t]*+)?(.*)", re.IGNORECASE | re.MULTILINE
)
_BARE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REQUEST_ID = re.compile(r"(?:x-)?(?:request[ _-]?id)?[ \t\"':=]{0,4}(req_[\w-]{6,80})", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)\w*[ \t]*\r?$", re.MULTILINE)  # of Markdown
_QUOTE = re.compile("['\"`]")
_SAFE = re.compile(r"[\w.:-]{1,100}", re.ASCII)
MOST_AROUND_KEY = 80
_NOTHING = re.compile(r"empty|nothing|no results?", re.IGNORECASE)
_WEBHOOK = re.compile(r"webhook|arrived|deliver", re.IGNORECASE)
_VISIBLE = re.compile(r"(clapi_[\w-]{4})(?:(?:…|\.\.\.|\*+)([\w-]{4}))?")
_TOPIC_WORDS = (
    (r"maximum active api keys|11th key|too many keys|ten keys", "key_limit"),
    (r"up to 250 contacts|more than 250", "too_many"),
    (r"smart column|stuck on .?pending", "smart_columns"),
    (r"\bcrm\b|hubspot|salesforce|pipedrive|field mapping", "crm_push"),
    (r"lead list|\bDEFAULT (?:list|lead)|list named DEFAULT", "lead_list"),
    (r"rate.?limit|too many requests", "rate_limited"),
    (r"webhook|never arrived|deliver", "no_webhook"),
    (r"insufficient.?scope|scope", "scope"),
    (r"api_access|feature.?gate", "feature_gate"),
    (
        r"insufficient.?credits|payment required|(?:out of|enough|no|more|few) credits|credits (?:left|missing)",
        "credits",
    ),
    # No second beginning in between: many beginnings must not each look through all that follows.
    (r"lost ((?!lost ).)*?(secret|key)|(secret|key) ((?!(secret|key) ).)*?lost|forgot", "lost_secret"),
    (r"empty|nothing found|no results?|no (e-?mail|phone)", "empty"),
    (r"unauthori[sz]ed|invalid.?token|not authenticated", "unauthorized"),
    (r"validation|unprocessable|field required", "shape"),
    (r"bad gateway|time.?out|unavailable|connection (refused|reset)", "upstream"),
)
_WORDS = tuple((re.compile(words, re.IGNORECASE), topic) for words, topic in _TOPIC_WORDS)
CONTENT_TYPE = "content_type"  # the body would not be sent as JSON


@dataclass(frozen=True)
class RecognizedPaste:
    """The case that was recognized, and the request body that came with it, which never goes into a URL.

    ``notes`` names what else is wrong with the request, besides its header.
    """

    case: Case
    body: str = ""
    notes: tuple[str, ...] = ()


def recognize(text: str, workspace: Workspace) -> RecognizedPaste:
    """Return what ``text``, without its secrets, is; a case without topic where nothing is recognized."""
    clean = _FENCE.sub("", text).strip("\ufeff \t\r\n\f\v")
    tries: tuple[Callable[[str, Workspace], RecognizedPaste | None], ...] = (
        _request,
        _answer,
        _json,
        _other_body,
        _header,
        _code,
        _status,
        _workflow,
        _key,
        _words,
    )
    found = (each(clean, workspace) for each in tries)
    return next((one for one in found if one is not None), RecognizedPaste(Case()))


def _request(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a command, a request on the wire, or an export."""
    readers = (parse_curl, parse_raw_request, parse_export)
    request = next((found for each in readers if (found := each(text)) is not None), None)
    return _judged(request, "curl", text, workspace) if request is not None else None


def _code(text: str, workspace: Workspace) -> RecognizedPaste | None:
    request = parse_code(text)
    if request is None:
        return None
    request.status = statuses.find_status(text)
    return _judged(request, "code", text, workspace)


def _judged(request: PastedRequest, kind: str, text: str, workspace: Workspace) -> RecognizedPaste:
    slips = headers.find_mistakes_of(request, raw=text)
    case = Case(
        "unauthorized" if set(slips) - {headers.GOOD} else "",
        kind,
        status=request.status,
        endpoint=request.endpoint,
        slips=slips,
        key=_known_key(text, workspace),
        workflow=_workflow_in(request.url),
    )
    answered = request.status is not None and request.status >= 400 and not case.topic
    if answered:
        answer = _case_of(parse_error(request.answer, request.status), request.status, request.answer)
        case = replace(case, topic=answer.topic, code=answer.code, said=answer.said, request_id=answer.request_id)
    body = request.body
    has_request = bool(body) and (request.endpoint.endswith("/enrich/bulk") or _is_request(_decoded(body)))
    notes = (CONTENT_TYPE,) if has_request and request.is_form and not request.says_json else ()
    if has_request:
        case = _with_request(case, _decoded(body))
    topic = case.topic or ("shape" if has_request else WORKFLOW if case.workflow else "unauthorized")
    shown = body if topic == "shape" and has_request else ""
    return RecognizedPaste(replace(case, topic=topic), shown, notes if shown else ())


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
    status = guess_status(text)
    error = parse_error(text, status) if status is not None else None
    if error is not None:
        return RecognizedPaste(_case_of(error, error.status, text))
    if isinstance(body, dict) and (workflow := body.get("workflow_id")) and _WORKFLOW.fullmatch(str(workflow)):
        return RecognizedPaste(Case(WORKFLOW, "workflow", workflow=str(workflow)))
    return None


def _other_body(text: str, _: Workspace) -> RecognizedPaste | None:
    """Recognize a body of another form, such as a Python dict, form data or a table."""
    form = find_wrong_form(text)
    if form is None or not (form.repaired or form.name == "form"):
        return None
    return RecognizedPaste(_with_request(Case("shape", "body"), _decoded(form.repaired)), text)


def _is_request(body: object) -> bool:
    if isinstance(body, list):
        return bool(body) and isinstance(body[0], dict) and bool({"linkedin_url", "first_name"} & body[0].keys())
    return isinstance(body, dict) and "contacts" in body and "workflow_id" not in body


def _header(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize headers as they are on the wire. A line of a program is left to who reads programs."""
    found = [(name, value.strip()) for name, value in _HEADER_LINE.findall(text)]
    if not found or any(_is_code(value) for _, value in found):
        return None
    slips = headers.find_mistakes(found, raw=text)
    return RecognizedPaste(Case("unauthorized", "header", slips=slips, key=_known_key(text, workspace)))


def _is_code(value: str) -> bool:
    return value[:1] in {"'", '"', "`"} or value[-1:] in {",", ";"} or len(_QUOTE.findall(value)) % 2 == 1


def _status(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a status, however it is written, and what else an error's text tells. Ids never overrule one."""
    bare = _STATUS.fullmatch(text)
    if bare is not None:
        return RecognizedPaste(Case(topic_for_status(int(bare[1])), "status", status=int(bare[1])))
    embedded = embedded_error(text)
    status = statuses.find_status(text) or (guess_status(embedded) if embedded else None)
    if status is not None and embedded and (error := parse_error(embedded, status)):
        return RecognizedPaste(_case_of(error, status, embedded))
    if status is None and not _looks_like_other_json(text):
        status = statuses.find_reason(text) if not _WORKFLOW.search(text) or statuses.find_code(text) else None
    topic = statuses.find_code(text) or (topic_for_status(status) if status else "") or statuses.find_exception(text)
    if not topic:
        return None
    workflow = _workflow_in(text)
    case = Case(topic, "words", status=status, workflow=workflow, key=_known_key(text, workspace))
    request_id = _REQUEST_ID.search(text)
    case = replace(case, request_id=request_id[1]) if request_id else case
    return RecognizedPaste(replace(case, said=text[:MOST_SAID]))


def _looks_like_other_json(text: str) -> bool:
    """Return whether it is an object of a form that the API does not send: of another service, most likely."""
    return isinstance(_decoded(text), dict) and statuses.find_status(text) is None


def _workflow(text: str, _: Workspace) -> RecognizedPaste | None:
    if _BARE_ID.fullmatch(text):
        return RecognizedPaste(Case(WORKFLOW, "workflow", workflow=f"public_bulk_{text.lower()}"))
    request_id = _REQUEST_ID.fullmatch(text)
    if request_id:
        return RecognizedPaste(Case("request", "request", request_id=request_id[1]))
    workflow = _workflow_in(text)
    if not workflow:
        return None
    topics = (("empty", _NOTHING), ("no_webhook", _WEBHOOK))
    topic = next((name for name, words in topics if words.search(text)), WORKFLOW)
    return RecognizedPaste(Case(topic, "workflow", workflow=workflow))


def _key(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a key with little around it: a longer text that nobody understood is more than its key."""
    key = RemovedKey.first_in(text)
    if (key is None and not _VISIBLE.fullmatch(text)) or len(MARK.sub("", text)) > MOST_AROUND_KEY:
        return None
    slips = headers.find_key_mistakes(key) if key else ()
    return RecognizedPaste(Case("unauthorized", "key", slips=slips, key=_known_key(text, workspace)))


def _words(text: str, workspace: Workspace) -> RecognizedPaste | None:
    if _looks_like_other_json(text):
        return None
    clean = statuses.without_urls(text)
    topic = next((name for words, name in _WORDS if words.search(clean)), "")
    if not topic:
        return None
    case = Case(topic, "words", key=_known_key(text, workspace))
    return RecognizedPaste(replace(case, said=text[:MOST_SAID]) if len(text) <= MOST_SAID else case)


def _case_of(error: CleanlistError | None, status: int | None, text: str) -> Case:
    if error is None:
        return Case(heard="error", status=status)
    places = "; ".join(f"{item.where}: {item.message}" for item in error.validation_errors[:3])
    return Case(
        TOPIC_OF_STATUS.get(status or 0) or topic_for_error(error),
        "error",
        status=status,
        code=_safe(error.code),
        said=(places or error.message)[:MOST_SAID],
        request_id=_safe(error.request_id),
        scope=(error.required_scope or "")[:60] if isinstance(error, errors.InsufficientScope) else "",
        workflow=_workflow_in(text),
    )


def _safe(name: str | None) -> str:
    """Return what a program calls something; empty for any other text, which goes into no address."""
    return name if name and _SAFE.fullmatch(name) else ""


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
