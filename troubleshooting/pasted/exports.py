"""Reads requests from exports: HAR, Postman, Insomnia, Bruno, and nodes of n8n."""

import json
import re
from collections.abc import Iterator, Mapping

from troubleshooting.pasted.request import PastedRequest

_MOST_LEVELS, _MOST_OBJECTS = 12, 5000
_BRUNO_METHOD = re.compile(r"^(get|post|put|patch|delete)[ \t]*\{[ \t\r\n]*url:[ \t]*(\S+)", re.MULTILINE)
_BRUNO_HEADER = re.compile(r"^[ \t]+([A-Za-z][\w-]{0,60}):[ \t]*+(.+)$", re.MULTILINE)
_BRUNO_BODY = re.compile(r"^body:json[ \t]*\{\r?\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_BRUNO_PART = re.compile(r"^(headers|auth:bearer)[ \t]*\{([^}]*)\}", re.MULTILINE)


def parse_export(text: str) -> PastedRequest | None:
    """Return the first request to the API in an export; None for any other text."""
    bruno = _bruno(text)
    if bruno is not None:
        return bruno
    if not text.startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = [request for each in _objects(value) if (request := _request_of(each)) is not None]
    return next((one for one in found if "/api/v" in one.url), found[0] if found else None)


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects in a value, the outer ones first, as far down and as many as an export has."""
    level, count = [value], 0
    for _ in range(_MOST_LEVELS):
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                count += 1
                yield each
                below += each.values()
            elif isinstance(each, list):
                below += each
            if count > _MOST_OBJECTS:
                return
        level = [each for each in below if isinstance(each, dict | list)]


def _request_of(node: Mapping[str, object]) -> PastedRequest | None:
    method, url = node.get("method"), node.get("url")
    if isinstance(url, dict):
        url = url.get("raw")
    if not (isinstance(method, str) and isinstance(url, str) and len(method) <= 10 and ("/" in url or "{{" in url)):
        return None
    request = PastedRequest(method.upper(), url, is_whole=False)
    for name in ("headers", "header", "headerParameters", "parametersHeader"):
        request.headers += _headers_of(node.get(name))
    request.headers += _auth_of(node.get("auth") or node.get("authentication"))
    request.data = [body for body in [_body_of(node)] if body]
    return request


def _headers_of(value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("parameters"), list):
            return _headers_of(value["parameters"])
        return [(str(name), each) for name, each in value.items() if isinstance(each, str)]
    found = []
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict) and not each.get("disabled"):
            name, content = each.get("name") or each.get("key"), each.get("value")
            if isinstance(name, str) and isinstance(content, str):
                found.append((name, content))
    return found


def _auth_of(value: object) -> list[tuple[str, str]]:
    """Return the header that an authorization of Postman or Insomnia makes."""
    if not isinstance(value, dict):
        return []
    kind, token = value.get("type"), value.get("token")
    if kind == "bearer":
        listed = value.get("bearer")
        if isinstance(listed, list):
            token = next(
                (each.get("value") for each in listed if isinstance(each, dict) and each.get("key") == "token"), ""
            )
        return [("Authorization", f"Bearer {token}")] if isinstance(token, str) else []
    if kind == "apikey" and isinstance(value.get("apikey"), list):
        fields = {each.get("key"): each.get("value") for each in value["apikey"] if isinstance(each, dict)}
        name = fields.get("key")
        return [(name, str(fields.get("value", "")))] if isinstance(name, str) and fields.get("in") != "query" else []
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
    request = PastedRequest(found[1].upper(), found[2], is_whole=False)
    for part in _BRUNO_PART.finditer(text):
        listed = _BRUNO_HEADER.findall(part[2])
        if part[1] == "headers":
            request.headers += [(name, value.strip()) for name, value in listed]
        else:
            request.headers += [
                ("Authorization", f"Bearer {value.strip()}") for name, value in listed if name == "token"
            ]
    body = _BRUNO_BODY.search(text)
    request.data = [body[1].strip()] if body else []
    return request
