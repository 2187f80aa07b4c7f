"""Recognizes what somebody pasted: a request, an error, a status, a body, an id, a key, or words.

Each reader says what it understood, or None; the first one that understood anything is believed. What is wrong with a
request is judged apart from reading it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from keys.models import ApiKey
from troubleshooting.body.sending import CONTENT_TYPE, find_wrong_sending
from troubleshooting.body.wrong_forms import find_wrong_form
from troubleshooting.cases import MOST_SAID, Case
from troubleshooting.client_topics import ELSEWHERE, MOCK, TEMPLATE, TWICE
from troubleshooting.mistakes import GOOD, OF_BODY, PLAIN_HTTP
from troubleshooting.pasted import endpoints, headers, statuses
from troubleshooting.pasted.code import parse_code
from troubleshooting.pasted.curl import parse_curl
from troubleshooting.pasted.error_bodies import (
    MOST_DECODED,
    WORKFLOW_ID,
    case_of_error,
    embedded_error,
    found_nothing,
    guess_status,
    is_of_session,
    known_status,
    parse_error,
    stated_status,
    title_of_page,
    topic_for_status,
    workflow_in,
)
from troubleshooting.pasted.exports import parse_export
from troubleshooting.pasted.request import PastedRequest, decoded, is_bulk_body, is_template, parse_raw_request
from troubleshooting.pasted.secret_patterns import MARK
from troubleshooting.pasted.secrets import RemovedKey
from troubleshooting.receivers import find_receiver
from troubleshooting.topics import WORKFLOW
from workspaces.models import Workspace

_STATUS = re.compile(r"(?:http(?:/[\d.]+)?\s+)?([1-5]\d\d)(?:\s[\w' -]{0,40})?", re.IGNORECASE)
_HTTP = re.compile(r"\AHTTP/[\d.]+ (\d{3})[^\r\n]*\r?\n(.*?)(?:\r?\n\r?\n(.*)|$)", re.DOTALL)
_BARE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ANY_WORKFLOW = re.compile(r"(?:public_bulk_|(?:bulk-)?enrich-|run_)[\w-]{1,60}", re.ASCII)
_OF_NEW_KEY = {"created_at", "expires_at"}
_REQUEST_ID = re.compile(r"(?:x-)?(?:request[ _-]?id)?[ \t\"':=]{0,4}(req_[\w-]{6,80})", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)\w*[ \t]*\r?$", re.MULTILINE)  # of Markdown
MOST_AROUND_KEY = 80
_NOTHING = re.compile(r"empty|nothing|no results?", re.IGNORECASE)
_WEBHOOK = re.compile(r"webhook|arrived|deliver", re.IGNORECASE)
_OF_ENDPOINT = {"method", "not_found", "scope"}
_VISIBLE = re.compile(r"(clapi_[\w-]{4})(?:(?:…|\.\.\.|\*+)([\w-]{4}))?")


@dataclass(frozen=True)
class RecognizedPaste:
    """The case that was recognized, and the request body that came with it, which never goes into a URL.

    ``notes`` names what else is wrong with the request. Templates in a body that ``is_filled`` are put in later.
    """

    case: Case
    body: str = ""
    notes: tuple[str, ...] = ()
    is_filled: bool = False

    @property
    def is_wrong(self) -> bool:
        """Return whether something is wrong with the request itself, besides its body."""
        return bool(set(self.case.slips) - {GOOD} or self.notes) or self.case.topic in endpoints.OF_ENDPOINTS


def recognize(text: str, workspace: Workspace) -> RecognizedPaste:
    """Return what ``text``, without its secrets, is; a case without topic where nothing is recognized."""
    clean = _FENCE.sub("", text).strip("\ufeff \t\r\n\f\v")
    tries: tuple[Callable[[str, Workspace], RecognizedPaste | None], ...] = (
        _delivery,
        _request,
        _answer,
        _json,
        _other_body,
        _header,
        _code,
        _mock,
        _status,
        _workflow,
        _key,
        _words,
    )
    found = (each(clean, workspace) for each in tries)
    return next((one for one in found if one is not None), RecognizedPaste(Case()))


def _delivery(text: str, _: Workspace) -> RecognizedPaste | None:
    return RecognizedPaste(case) if (case := find_receiver(text)) else None


def _request(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a command, a request on the wire, or an export."""
    requests = parse_curl(text)
    if not requests:
        found = (each(text) for each in (parse_raw_request, parse_export))
        requests = [request for request in found if request is not None][:1]
    return _worst([_judged(request, "curl", text, workspace) for request in requests])


def _code(text: str, workspace: Workspace) -> RecognizedPaste | None:
    requests = parse_code(text)
    for request in requests:
        request.status = statuses.find_status_shown(text)
    found = _worst([_judged(request, "code", text, workspace) for request in requests])
    slip = statuses.find_header_refused(text) if found and found.case.slips == (GOOD,) else ""
    return replace(found, case=replace(found.case, slips=(slip,))) if found and slip else found


def _worst(judged: list[RecognizedPaste]) -> RecognizedPaste | None:
    """Return the first of several requests that something is wrong with, or that has a body; None of none."""
    with_body = next((one for one in judged if one.body), judged[0] if judged else None)
    return next((one for one in judged if one.is_wrong), with_body)


def _judged(request: PastedRequest, kind: str, text: str, workspace: Workspace) -> RecognizedPaste:
    slips = headers.find_mistakes_of(request, raw=text if kind == "curl" else "")
    if set(slips) - {GOOD} and endpoints.is_elsewhere(request.url, workspace.base_url):
        return RecognizedPaste(Case(ELSEWHERE, kind))
    if slips == (GOOD,):
        slips = endpoints.needs_session(request) or headers.find_mistake_of_variable(text) or slips
    success = None if endpoints.is_elsewhere(request.url, workspace.base_url) else request.success
    if success:
        slips = (GOOD,)  # whatever a log or a person made of them
    if endpoints.is_plain_http(request):
        slips = ("plain_http", *(slip for slip in slips if slip != GOOD))
    body = request.body
    has_request = bool(body) and (request.endpoint.endswith("/enrich/bulk") or is_bulk_body(decoded(body)))
    is_untyped = request.is_form and not request.says_json
    if body.strip() == "[object Object]":
        slips = (*slips, "object_body")
    if kind == "code":
        slips = (*slips, *find_wrong_sending(text, is_untyped=is_untyped and not has_request))
    case = Case(
        _topic_of(slips, "" if success else endpoints.topic_of_endpoint(request, workspace.base_url)),
        kind,
        status=request.status or success,
        endpoint=request.endpoint,
        code=endpoints.find_wrong_host(request.url, workspace.base_url),
        slips=slips,
        key=_known_key(text, workspace),
        workflow=workflow_in(request.url),
        hides_key=headers.hides_key(request.headers),
    )
    answer = _answer_to(request, workspace)
    if answer is not None:
        is_of_header = case.topic == "unauthorized" and answer.status in {401, 403}
        topic = case.topic if is_of_header else answer.topic
        known = {name: getattr(answer, name) for name in ("status", "code", "said", "request_id", "scope")}
        if answer.slips and slips == (GOOD,) and RemovedKey.first_in(text) is None:
            known["slips"] = answer.slips
        case = replace(case, topic=topic, **known)
    notes = (CONTENT_TYPE,) if has_request and is_untyped else ()
    if has_request:
        case = case.with_request(decoded(body))
    topic = case.topic or ("shape" if has_request else WORKFLOW if case.workflow else "unauthorized")
    shown = body if has_request and not OF_BODY & set(slips) and (topic == "shape" or answer is None) else ""
    return RecognizedPaste(replace(case, topic=topic), shown, notes if shown else (), request.is_filled)


def _topic_of(slips: tuple[str, ...], of_endpoint: str) -> str:
    """Return the topic of what is wrong with a request that Cleanlist meets first; empty where nothing is."""
    is_wrong = bool(set(slips) - {GOOD, *OF_BODY})
    if of_endpoint != endpoints.WRONG_HOST and (PLAIN_HTTP in slips or (is_wrong and not of_endpoint)):
        return "unauthorized"
    return of_endpoint or ("shape" if OF_BODY & set(slips) else "")


def _answer_to(request: PastedRequest, workspace: Workspace) -> Case | None:
    """Return the case of what came back; None where nothing did, or no error."""
    if request.status is not None:
        if request.status < 400:
            return None
        return case_of_error(parse_error(request.answer, request.status), request.status, request.answer)
    found = (each(request.answer, workspace) for each in (_answer, _json, _status)) if request.answer else ()
    case = next((one.case for one in found if one is not None), None)
    if case is None or case.heard not in {"error", "status", "words"}:
        return None
    return replace(case, status=case.status or known_status(embedded_error(request.answer)))


def _answer(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a whole HTTP answer, as ``curl -i`` shows it."""
    found = _HTTP.match(text)
    if found is None:
        return None
    lines = (line.partition(":") for line in found[2].splitlines())
    fields = {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
    body = embedded_error(found[3] or "") or found[3] or ""
    status = int(found[1])
    if status < 400:
        return _json(body.strip(), workspace)
    return RecognizedPaste(case_of_error(parse_error(body, status, fields), status, body))


def _json(text: str, workspace: Workspace) -> RecognizedPaste | None:
    body = decoded(text)
    if text.startswith(("{", "[")) and '"contacts"' in text and is_template(text):
        return RecognizedPaste(Case(TEMPLATE, "body"))
    if is_bulk_body(body) or (body is None and text.startswith("{") and '"contacts"' in text):
        return RecognizedPaste(Case("shape", "body").with_request(body), text, is_filled=True)
    status = guess_status(text)
    error = parse_error(text, status) if status is not None else None
    if error is not None:
        return RecognizedPaste(replace(case_of_error(error, error.status, text), status=stated_status(text)))
    if status is None and (title := title_of_page(text)) is not None:
        return RecognizedPaste(Case("upstream", "error", said=title[:MOST_SAID]))
    return _object(text, body, workspace) if isinstance(body, dict) else None


def _object(text: str, body: Mapping[str, object], workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a workflow's status, or a key that was just created."""
    if _ANY_WORKFLOW.fullmatch(workflow := str(body.get("workflow_id"))):
        return RecognizedPaste(Case("empty" if found_nothing(body) else WORKFLOW, "workflow", workflow=workflow))
    if "[key-removed:clapi_" in str(body.get("api_key")) and _OF_NEW_KEY & body.keys():
        return RecognizedPaste(Case("unauthorized", "new_key", key=_known_key(text, workspace)))
    return None


def _other_body(text: str, _: Workspace) -> RecognizedPaste | None:
    """Recognize a body of another form, such as a Python dict, form data or a table."""
    form = find_wrong_form(text)
    if form is None or not form.is_body:
        return None
    return RecognizedPaste(Case("shape", "body").with_request(decoded(form.repaired)), text)


def _header(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize headers as they are on the wire, not as a line of a program."""
    found = headers.header_lines(text)
    if not found:
        return None
    slips, hides_key = headers.find_mistakes(found, raw=text), headers.hides_key(found)
    if "[token-removed]" in text and is_of_session(text):
        slips = ("expired_session",)
    key = _known_key(text, workspace)
    return RecognizedPaste(Case("unauthorized", "header", slips=slips, key=key, hides_key=hides_key))


def _mock(text: str, _: Workspace) -> RecognizedPaste | None:
    return RecognizedPaste(Case(MOCK, "code")) if statuses.is_mock(text) else None


def _status(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a status, however it is written, and what else an error's text tells. Ids never overrule one."""
    bare = _STATUS.fullmatch(text := text[:MOST_DECODED])
    if bare is not None:
        return RecognizedPaste(Case(topic_for_status(int(bare[1])), "status", status=int(bare[1])))
    embedded = embedded_error(text)
    stated = statuses.find_status(text) or (stated_status(embedded) if embedded else None)
    status = stated or (guess_status(embedded) if embedded else None)
    if status is not None and embedded and (error := parse_error(embedded, status)):
        return RecognizedPaste(replace(case_of_error(error, status, embedded), status=stated))
    if outranks := statuses.find_before_status(text):
        return RecognizedPaste(Case(outranks, "words", status=stated, said=text[:MOST_SAID]))
    if slip := statuses.find_header_refused(text):
        return RecognizedPaste(Case("unauthorized", "words", slips=(slip,), said=text[:MOST_SAID]))
    if status is None and not _looks_like_other_json(text):
        status = statuses.find_reason(text) if not WORKFLOW_ID.search(text) or statuses.find_code(text) else None
    topic = _topic_in(text, status, workspace)
    if not topic:
        return None
    case = Case(topic, "words", status=status, workflow=workflow_in(text), key=_known_key(text, workspace))
    if topic in _OF_ENDPOINT:
        case = replace(case, endpoint=endpoints.endpoint_in(text))
    if topic == "unauthorized" and headers.has_key_in_url(text):
        case = replace(case, slips=("in_url",))
    if topic in {"upstream", "dns", "untrusted"} and (host := endpoints.find_misspelled_host(text, workspace.base_url)):
        case = replace(case, topic=endpoints.WRONG_HOST, code=host)
    request_id = _REQUEST_ID.search(text)
    return RecognizedPaste(replace(case, request_id=request_id[1] if request_id else "", said=text[:MOST_SAID]))


def _topic_in(text: str, status: int | None, workspace: Workspace) -> str:
    if status and endpoints.is_answer_of_another(text, workspace.base_url):
        return ELSEWHERE
    return statuses.find_code(text) or (topic_for_status(status) if status else "") or statuses.find_exception(text)


def _looks_like_other_json(text: str) -> bool:
    """Return whether it is an object of a form that the API does not send: of another service, most likely."""
    return isinstance(decoded(text), dict) and statuses.find_status(text) is None


def _workflow(text: str, _: Workspace) -> RecognizedPaste | None:
    if _BARE_ID.fullmatch(text):
        return RecognizedPaste(Case(WORKFLOW, "workflow", workflow=f"public_bulk_{text.lower()}"))
    request_id = _REQUEST_ID.fullmatch(text)
    if request_id:
        return RecognizedPaste(Case("request", "request", request_id=request_id[1]))
    workflow = workflow_in(text)
    if not workflow:
        return None
    topics = (("empty", _NOTHING), ("no_webhook", _WEBHOOK))
    topic = next((name for name, words in topics if words.search(text)), WORKFLOW)
    topic = TWICE if statuses.find_topic(text) == TWICE else topic
    return RecognizedPaste(Case(topic, "workflow", workflow=workflow))


def _key(text: str, workspace: Workspace) -> RecognizedPaste | None:
    """Recognize a key with little around it: a longer text that nobody understood is more than its key."""
    key = RemovedKey.first_in(text)
    if (key is None and not _VISIBLE.fullmatch(text)) or len(MARK.sub("", text)) > MOST_AROUND_KEY:
        return None
    slips = ("in_url",) if headers.has_key_in_url(text) else headers.find_key_mistakes(key) if key else ()
    return RecognizedPaste(Case("unauthorized", "key", slips=slips, key=_known_key(text, workspace)))


def _words(text: str, workspace: Workspace) -> RecognizedPaste | None:
    if _looks_like_other_json(text):
        return None
    topic = statuses.find_topic(text)
    if not topic:
        return None
    case = Case(topic, "words", key=_known_key(text, workspace))
    return RecognizedPaste(replace(case, said=text[:MOST_SAID]) if len(text) <= MOST_SAID else case)


def _known_key(text: str, workspace: Workspace) -> UUID | None:
    """Return the id of the only key that has the visible ends in ``text``; None where none or several have."""
    key, seen = RemovedKey.first_in(text), _VISIBLE.search(text)
    prefix, last4 = (key.prefix, key.last4) if key else (seen[1], seen[2] or "") if seen else ("", "")
    if not prefix:
        return None
    found = ApiKey.objects.of(workspace).filter(prefix=prefix)
    ids = (found.filter(last4=last4) if last4 else found).values_list("key_id", flat=True)[:2]
    return ids[0] if len(ids) == 1 else None
