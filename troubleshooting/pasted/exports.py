"""Reads requests from exports and records: HAR, Postman, Insomnia, Bruno, n8n, Make, Ansible, and logs in JSON."""

import json
import re
from collections.abc import Iterator, Mapping

import yaml

from troubleshooting.pasted.error_bodies import embedded_error
from troubleshooting.pasted.request import PastedRequest
from troubleshooting.pasted.secret_patterns import MARK

_MOST_LEVELS, _MOST_OBJECTS = 12, 5000
_MOST_YAML = 20_000  # characters
_YAML = re.compile(r"^[ \t-]*(?:url|uri):", re.MULTILINE)
_ANCHOR = re.compile(r"(?:^|[\s\[{,:-])&\w")  # of what multiplies when it is resolved
_THREE_DIGITS = re.compile(r"[1-5]\d\d", re.ASCII)
_CREDENTIALS = {"authorization", "x-api-key", "api-key"}
_STATUSES = ("status", "statusCode", "status_code", "httpCode")
_BRUNO_METHOD = re.compile(r"^(get|post|put|patch|delete)[ \t]*\{[ \t\r\n]*url:[ \t]*(\S+)", re.MULTILINE)
_BRUNO_HEADER = re.compile(r"^[ \t]+([A-Za-z][\w-]{0,60}):[ \t]*+(.+)$", re.MULTILINE)
_BRUNO_BODY = re.compile(r"^body:json[ \t]*\{\r?\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_BRUNO_PART = re.compile(r"^(headers|auth:\w+)[ \t]*\{([^}]*)\}", re.MULTILINE)


def parse_export(text: str) -> PastedRequest | None:
    """Return the request to the API in an export, rather one that failed; None for any other text."""
    bruno = _bruno(text)
    if bruno is not None:
        return bruno
    nodes = list(_objects(_decoded(text)))
    found = [request for each in nodes if (request := _request_of(each)) is not None]
    if not found:
        return None
    request = max(found, key=lambda one: ("/api/v" in one.url, one.status is not None))
    if not any(name.lower() in _CREDENTIALS for name, _ in request.headers):
        request.headers += next((each for node in nodes if (each := _auth_of(node.get("auth")))), [])
    if request.status is None:
        request.status = max((status for node in nodes if (status := _status_of(node)) is not None), default=None)
    request.answer = embedded_error(text)
    return request


def _decoded(text: str) -> object:
    try:
        if text.startswith(("{", "[")):
            return json.loads(text)
        if len(text) <= _MOST_YAML and _YAML.search(text) and not _ANCHOR.search(text):
            return _from_yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError):
        return None
    return None


def _from_yaml(text: str) -> object:
    """Decode YAML, in which the marks of what was taken out would be lists."""
    marks: list[str] = []

    def hide(mark: re.Match[str]) -> str:
        marks.append(mark[0])
        return f"mark.{len(marks)}.of.secret"

    plain = json.dumps(yaml.safe_load(MARK.sub(hide, text)), default=str, skipkeys=True)
    for number, mark in enumerate(marks, 1):
        plain = plain.replace(f"mark.{number}.of.secret", mark)
    return json.loads(plain)


def _status_of(node: Mapping[str, object]) -> int | None:
    """Return the status of the response that an object tells of."""
    response = node.get("response")
    holders = (response, node) if isinstance(response, dict) else (node,)
    for value in (holder.get(name) for holder in holders for name in _STATUSES):
        number = int(value) if isinstance(value, str) and _THREE_DIGITS.fullmatch(value) else value
        if isinstance(number, int) and 100 <= number < 600:
            return number
    return None


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects in a value, the outer ones first, as far down and as many as an export has."""
    level, count = [value], 0
    for _ in range(_MOST_LEVELS):
        below: list[object] = []
        for each in level:
            count += 1
            if isinstance(each, dict):
                yield each
                below += each.values()
            elif isinstance(each, list):
                below += each
            if count > _MOST_OBJECTS:
                return
        level = [each for each in below if isinstance(each, dict | list)]


def _request_of(node: Mapping[str, object]) -> PastedRequest | None:
    inner = node.get("request")
    if isinstance(inner, dict) and isinstance(node.get("response"), dict):
        request = _request_of(inner)
        if request is not None:
            request.status = _status_of(node)
        return request
    method = node.get("method") or node.get("requestMethod")
    url = node.get("url") or node.get("requestUrl") or node.get("uri") or node.get("endpoint")
    if isinstance(url, dict):
        url = url.get("raw")
    if not (isinstance(url, str) and ("/" in url or "{{" in url)):
        return None
    if not (isinstance(method, str) and len(method) <= 10) and "/api/v" not in url:
        return None
    request = PastedRequest(method.upper() if isinstance(method, str) else "", url, is_whole=False, is_code=True)
    for name in ("headers", "header", "headerParameters", "parametersHeader", "request_headers"):
        request.headers += _headers_of(node.get(name))
    request.headers += _auth_of(node.get("auth") or node.get("authentication"))
    request.data = [body for body in [_body_of(node)] if body]
    request.status = _status_of(node)
    return request


def _headers_of(value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("parameters"), list):
            return _headers_of(value["parameters"])
        first = ((name, each[0] if isinstance(each, list) and each else each) for name, each in value.items())
        return [(str(name), each) for name, each in first if isinstance(each, str)]
    found = []
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict) and not each.get("disabled"):
            name, content = each.get("name") or each.get("key"), each.get("value")
            if isinstance(name, str) and isinstance(content, str):
                found.append((name, content.removeprefix("=")))  # of an expression in n8n
    return found


def _auth_of(value: object) -> list[tuple[str, str]]:
    """Return the header that an authorization of Postman, Insomnia or Bruno makes."""
    if not isinstance(value, dict):
        return []
    kind = value.get("type") or value.get("authType")  # of Hoppscotch
    fields, more = dict(value), value.get(kind) if isinstance(kind, str) else None
    if isinstance(more, list):
        more = {each.get("key"): each.get("value") for each in more if isinstance(each, dict)}
    fields |= more if isinstance(more, dict) else {}
    return _auth_header(kind, {str(name): each for name, each in fields.items() if isinstance(each, str)})


def _auth_header(kind: object, fields: Mapping[str, str]) -> list[tuple[str, str]]:
    place = fields.get("in") or fields.get("addTo") or fields.get("placement") or "header"
    if kind == "bearer" and "token" in fields:
        return [("Authorization", f"{fields.get('prefix') or 'Bearer'} {fields['token']}")]
    if kind == "apikey" and "key" in fields and place == "header":
        return [(fields["key"], fields.get("value", ""))]
    return [("Authorization", "Basic [secret-removed]")] if kind == "basic" else []


def _body_of(node: Mapping[str, object]) -> str:
    for name in ("postData", "body", "jsonBody", "data"):
        value = node.get(name)
        if isinstance(value, dict):
            value = next((value[key] for key in ("raw", "text") if isinstance(value.get(key), str)), value)
        if isinstance(value, dict) and "contacts" in value:
            return json.dumps(value)
        if isinstance(value, str) and value.strip().startswith(("{", "[")):
            return value
    return ""


def _bruno(text: str) -> PastedRequest | None:
    found = _BRUNO_METHOD.search(text)
    if found is None:
        return None
    request = PastedRequest(found[1].upper(), found[2], is_whole=False, is_code=True)
    for part in _BRUNO_PART.finditer(text):
        listed = _BRUNO_HEADER.findall(part[2])
        fields = {name: value.strip() for name, value in listed}
        if part[1] == "headers":
            request.headers += fields.items()
        else:
            request.headers += _auth_header(part[1].removeprefix("auth:"), fields)
    body = _BRUNO_BODY.search(text)
    request.data = [body[1].strip()] if body else []
    return request
