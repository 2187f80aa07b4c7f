"""What is wrong with a request's path and method, by the calls of the API that this console knows.

``docs/cleanlist-api.md`` ("Surfaces", "Endpoints") has them. There are more, which only its prefixes tell.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from troubleshooting.mistakes import MISTAKES
from troubleshooting.pasted.request import PastedRequest, without_secrets

HOST, WRONG_HOST = "api.cleanlist.ai", "wrong_host"
OF_ENDPOINTS = {"method", WRONG_HOST, "both_ids", "id_name"}  # topics of what is surely wrong
_SHARED = (
    ("GET", "whoami"), ("GET", "usage"), ("GET", "api-keys"), ("GET", "credits/balance"), ("POST", "credits/estimate"),
    ("POST", "enrichment/person"), ("POST", "enrichment/company"), ("POST", "enrichment/by-task"),
    ("POST", "enrichment/bulk"), ("GET", "enrichment/status/{id}"),
    ("POST", "search/people"), ("GET", "search/people/filters"),
    ("POST", "search/companies"), ("GET", "search/companies/filters"), ("POST", "search/companies/similar"),
    ("GET, POST", "lead-lists"), ("DELETE, GET, PATCH", "lead-lists/{id}"), ("POST", "lead-lists/{id}/csv-import"),
    ("DELETE, GET, POST", "lead-lists/{id}/leads"),
    ("GET", "smart-agents"), ("POST", "smart-agents/run"), ("GET", "smart-agents/{id}"),
    ("POST", "export/csv/signed-url"), ("GET", "export/json"), ("POST", "sync/crm"), ("POST", "sync/sequencer"),
)  # fmt: skip
_LEGACY = (
    ("GET", "auth/validate-key"), ("POST", "enrich/bulk"), ("GET", "enrich/status"), ("GET", "webhooks/deliveries"),
)  # fmt: skip
_MANAGEMENT = (("GET, POST", ""), ("POST", "/revoke-all"), ("POST", "/{id}/revoke"), ("GET", "/{id}/requests"))
_CALLS: Mapping[str, str] = {
    **{f"/api/v1/public/{path}": methods for methods, path in (*_SHARED, *_LEGACY)},
    **{f"/api/v2/{path}": methods for methods, path in _SHARED},
    **{f"/api/v1/api-keys{path}": methods for methods, path in _MANAGEMENT},
}
_ANY_ID = "[^/]+"
_PATTERNS = tuple(
    (re.compile(_ANY_ID.join(map(re.escape, path.split("{id}")))), methods) for path, methods in _CALLS.items()
)
_PREFIXES = ("/api/v1/public/", "/api/v2/", "/api/v1/api-keys/")
_PUBLIC_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}")
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|test|local|localhost|internal|lan|example|invalid)$")
_KEY = re.compile(r"\[key-removed:cl")
_OF_PATH = r"(/api/v(?:1/(?:public/|api-keys)|2/)[^\s\"'<>?#]{0,300})"
_SERVER = r"https?://[^\s\"'<>:/]{1,100}(?::\d{1,5})?"
_VERB = r"\b(?:GET|POST|PUT|PATCH|DELETE)\b|(?<=[\"'])(?:get|post|put|patch|delete)(?=[\"'])"
_CALLED = re.compile(  # as a log has it, or the options of a client; or an address alone
    rf"({_VERB})[\"' ,:|-]{{1,5}}(?:(?:path|ur[il])[\"']?[=:]\s?[\"']?)?(?:{_SERVER})?{_OF_PATH}|{_SERVER}{_OF_PATH}"
)
_VARIABLE = re.compile(r"[${}<>%*]|/:")
# Hosts that are Cleanlist's or nearly so, but not the API's; others below cleanlist.ai may be of a workspace.
_WRONG_HOST = re.compile(
    r"(?:(?:app|www|portal|docs|dashboard)\.)?cleanlist\.ai|(?:[\w-]{1,30}\.)?cleanlist\.(?!ai$)[a-z]{2,9}"
)
_HOST_IN_TEXT = re.compile(r"(?<![\w.@-])(?:[\w-]{1,30}\.)?cleanlist\.[a-z]{2,9}(?![\w-]|\.\w)", re.IGNORECASE)
_BASE = re.compile(r"(https?://[^/?#{}$]{1,200})((?:/api(?:/v\d(?:/public)?)?)?)/?")
_STATUS_OF_ID = re.compile(r"/api/v1/public/enrich/status/[\w-]{4,80}", re.ASCII)
_ID_NAME = re.compile(r"(?:workflow|task|job|bulk|enrichment)?[_-]?(?:id|uuid)|workflow|task", re.IGNORECASE)
# How an error names the address that answered.
_ANSWERED = re.compile(
    r"(?:\bfor url:?|\burl['\"]?\s?[:=]|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD))\s{0,3}['\"]?(https?://[^\s'\"<>]{1,500})",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"//[^/@]{1,200}@")
_JUDGED = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class EndpointMistake:
    """What is wrong with an endpoint, and the topic of that; where ``is_sure`` is false, the API may well know it."""

    topic: str
    title: str
    text: str
    fix: str
    is_sure: bool = True


def find_endpoint_mistake(endpoint: str) -> EndpointMistake | None:
    """Return what is wrong with ``endpoint``, such as "GET /api/v1/public/enrich/bulk"; None for what is right."""
    method, _, path = endpoint.rpartition(" ")
    path = path.rstrip("/")
    if methods := methods_of(path):
        if method not in _JUDGED or method in methods.split(", "):
            return None
        title = f"{path} takes {methods.replace(', ', ' or ')}, not {method}"
        return EndpointMistake("method", title, "Cleanlist returns 405 for another method.", f"Send it with {methods}.")
    return _mistake_in_path(path)


def _mistake_in_path(path: str) -> EndpointMistake | None:
    if _KEY.search(path):
        slip = MISTAKES["in_url"]
        return EndpointMistake("not_found", slip.title, slip.text, slip.fix)
    if not _VARIABLE.search(path) and (near := _resembling(path)):
        is_doubled = "//" in path
        title = "There is a double slash in the path" if is_doubled else f"This path may be misspelled: {path}"
        text = "" if is_doubled else "The console doesn't know it, but one that resembles it."
        return EndpointMistake("not_found", title, text, f"Did you mean {near}?", is_sure=False)
    if not path or _VARIABLE.search(path) or any(call.startswith(path) for call in _CALLS):
        return None  # it may go on somewhere else
    if path.startswith(_PREFIXES):
        text = "That may be right: the API has more than this console uses. If Cleanlist returns 404, it isn't."
        fix = "Compare it with Cleanlist's docs."
        return EndpointMistake("not_found", "This path isn't one that the console knows", text, fix, is_sure=False)
    text = "Paths of the API begin with /api/v1/public/, /api/v2/ or /api/v1/api-keys."
    fix = "Use the complete path from Cleanlist's docs, such as /api/v1/public/credits/balance."
    return EndpointMistake("not_found", "This path isn't part of the API", text, fix)


def methods_of(path: str) -> str:
    """Return the methods that a path takes, such as "GET, POST"; empty where that isn't known."""
    return next((allowed for pattern, allowed in _PATTERNS if pattern.fullmatch(path.rstrip("/"))), "")


def _resembling(path: str) -> str:
    """Return the path of a call that ``path`` is nearly; empty where it is nearly none."""
    clean = re.sub("/{2,}", "/", path).replace("/api/v2/public/", "/api/v1/public/")
    if clean != path and any(pattern.fullmatch(clean) for pattern, _ in _PATTERNS):
        return clean
    if _STATUS_OF_ID.fullmatch(clean):
        return clean.rpartition("/")[0] + "?workflow_id=…"
    prefix = next((each for each in _PREFIXES if clean.startswith(each)), "")
    tails = {call.removeprefix(prefix): call for call in _CALLS if prefix and call.startswith(prefix)}
    near = difflib.get_close_matches(clean.removeprefix(prefix), [tail for tail in tails if "{" not in tail], 1, 0.85)
    return tails[near[0]] if near else ""


def endpoint_in(text: str) -> str:
    """Return the path that a message names, with its method where it names one; empty where it names none."""
    found = _CALLED.search(text)
    if found is None:
        return ""
    path = (found[2] or found[3]).rstrip(".,;:)}")
    return f"{(found[1] or '').upper()} {without_secrets(path)}".lstrip()[:200]


def topic_of_endpoint(request: PastedRequest, base_url: str) -> str:
    """Return the topic of what is wrong with the endpoint of a request to Cleanlist or ``base_url``; empty if nothing.

    A method that is only guessed isn't judged.
    """
    if find_wrong_host(request.url, base_url):
        return WRONG_HOST
    if _host_of(request) not in {HOST, _netloc(base_url)}:
        return ""
    path = request.endpoint.rpartition(" ")[2]
    mistake = find_endpoint_mistake(f"{request.method} {path}" if request.is_sure_of_method else path)
    return mistake.topic if mistake else topic_of_status_query(request)


def join_base(url: str, literals: Iterable[str]) -> tuple[str, str]:
    """Return the address that a program makes of a base URL and the one path in its literals, and that literal.

    Without a path where it has none or several, and as it is where ``url`` is no base.
    """
    base = _BASE.fullmatch(url)
    if base is None:
        return url, ""
    found = {whole: each for each in literals if (whole := _path_behind(base[2], each))}
    path, literal = found.popitem() if len(found) == 1 else ("", "")
    return base[1] + path, literal


def _path_behind(base: str, literal: str) -> str:
    part = literal.partition("?")[0].strip()
    path = part if part.startswith("/api/") else f"{base}/{part.lstrip('/')}"
    return path if part and any(pattern.fullmatch(path) for pattern, _ in _PATTERNS) else ""


def find_wrong_host(url: str, base_url: str) -> str:
    """Return the host of ``url`` if it is Cleanlist's or resembles it, but isn't the API's; empty for all others."""
    host = _netloc(url).rpartition("@")[2].partition(":")[0]
    is_own = host in {HOST, _netloc(base_url).partition(":")[0]}
    is_of_api = host.startswith("api.") or (bool(host) and urlsplit(url).path.startswith("/api"))
    return host if is_of_api and not is_own and _WRONG_HOST.fullmatch(host) else ""


def find_misspelled_host(text: str, base_url: str) -> str:
    """Return the host in an error's text that resembles the API's; empty where it has none, or also the right one."""
    hosts = [found[0].lower() for found in _HOST_IN_TEXT.finditer(text)]
    if HOST in hosts:
        return ""
    return next((host for each in hosts if (host := find_wrong_host(f"https://{each}", base_url))), "")


def needs_session(request: PastedRequest) -> tuple[str, ...]:
    """Return the mistake of managing keys, which needs a session token, with an API key; nothing otherwise."""
    path = request.endpoint.rpartition(" ")[2].rstrip("/")
    if not re.fullmatch(r"/api/v1/api-keys(?:/.*)?", path):
        return ()
    has_key = any(
        name.lower() == "authorization" and re.match(r"bearer +(?:\[key-removed:)?clapi_", value, re.IGNORECASE)
        for name, value in request.headers
    )
    return ("session_token",) if has_key else ()


def topic_of_status_query(request: PastedRequest) -> str:
    """Return the topic of a request for the status by workflow and task at once, or by a parameter of another name."""
    _, sign, query = request.url.partition("/enrich/status?")
    names = parse_qs(query, keep_blank_values=True).keys() if sign else set()
    if {"workflow_id", "task_id"} <= names:
        return "both_ids"
    is_misnamed = not names & {"workflow_id", "task_id"} and any(_ID_NAME.fullmatch(name) for name in names)
    return "id_name" if is_misnamed else ""


def is_elsewhere(url: str, base_url: str = "") -> bool:
    """Return whether ``url`` is surely of another service than Cleanlist: its host and its path are others."""
    host = _netloc(url).rpartition("@")[2].partition(":")[0]
    if not _PUBLIC_HOST.fullmatch(host) or _RESERVED.search(host) or "cleanlist" in url.lower():
        return False
    path = urlsplit(url).path.rstrip("/")
    is_known = any(pattern.fullmatch(path) for pattern, _ in _PATTERNS)
    return host != _netloc(base_url).partition(":")[0] and not is_known


def is_answer_of_another(text: str, base_url: str) -> bool:
    """Return whether an error's text says that another service's address answered, and speaks of no other one."""
    urls = [_LOGIN.sub("//", found[1]) for found in _ANSWERED.finditer(text)]
    return bool(urls) and "cleanlist" not in text.lower() and all(is_elsewhere(url, base_url) for url in urls)


def is_plain_http(request: PastedRequest) -> bool:
    """Return whether the request goes to Cleanlist without TLS."""
    is_ours = _host_of(request) == HOST or bool(find_wrong_host(request.url, ""))
    return request.url.lower().startswith("http://") and is_ours


def _host_of(request: PastedRequest) -> str:
    if request.url.startswith("/"):
        return next((value.lower() for name, value in request.headers if name.lower() == "host"), "")
    return _netloc(request.url)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower().removesuffix(":443")
    except ValueError:
        return ""
