"""Finds the request in a program: URL, headers and body, as far as they are written there and not worked out by it."""

import json
import re
from collections.abc import Iterator, Sequence

from troubleshooting.pasted.code_tokens import (
    JOINS,
    NotLiteralError,
    Token,
    bracket_around,
    is_pair,
    tokens_of,
    value_at,
)
from troubleshooting.pasted.request import PastedRequest

AUTHORIZATION, KEY_HEADERS = "authorization", {"x-api-key", "api-key"}
# What stands in a value where the program puts something in.
VARIABLE = "${…}"
_LINE = re.compile(r"^[ \t]*((?:proxy-)?authorization|x-api-key|api-key|content-type)[ \t]*:[ \t]*+(.*)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s\"'`<>\\)]+|(?<=[\"'`])/api/v\d/[^\s\"'`<>\\)]*")
_METHOD = re.compile(r"(?i:[.:_](post|get|put|patch|delete)\b)|\b(POST|PUT|PATCH|DELETE|GET)\b|\b(Post|Get|Put)\b")
_BETWEEN = set(",:=])([({") | {
    "=>",
    ":=",
    "->",
    "@",
    "f",
    "r",
    "b",
    "u",
    "value",
    "type",
    "string",
    "val",
    "v",
    "&",
    "$",
    "!",
}
_CALLS = {
    "Sprintf", "sprintf", "format", "String", "new", "AuthenticationHeaderValue", "HeaderValue", "from_str",
    "from_static", "New-Object", "parse", "concat", "bytes", "Buffer", "Some", "valueOf", "StringValues", "to_owned",
    "header", "set",
}  # fmt: skip
_BEARER_CALLS = {"bearer_auth", "bearerauth", "withtoken", "setbearerauth", "bearertoken", "with_bearer_token"}
_BASIC_CALLS = {
    "basic_auth", "basicauth", "setbasicauth", "set_basic_auth", "httpbasicauth", "withbasicauth", "curlopt_userpwd",
    "authenticate_basic",
}  # fmt: skip
_SCHEMES = {"bearer", "basic", "token", "apikey", "digest"}
_FAR = 7  # tokens between a header's name and its value


def parse_code(text: str) -> PastedRequest | None:
    """Return the request in a program; None where neither a header with a credential nor a body is found."""
    if not any(quote in text for quote in "\"'`"):
        return None
    tokens = tokens_of(text)
    request = PastedRequest(is_whole=False, headers=list(_headers(tokens)))
    request.uses_basic = any(token.text.lower() in _BASIC_CALLS for token in tokens if token.kind == "name")
    body = _body(tokens)
    names = {name.lower() for name, _ in request.headers}
    if not body and not request.uses_basic and not names & {AUTHORIZATION, *KEY_HEADERS}:
        return None
    url, method = _URL.search(text), _METHOD.search(text)
    request.url = url[0] if url else ""
    request.method = next((each.upper() for each in method.groups() if each), "") if method else ""
    request.data = [body] if body else []
    return request


def _headers(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    for at, token in enumerate(tokens):
        if token.kind == "str":
            yield from _header_lines(tokens, at)
            name = token.text.strip().lower()
            if name == AUTHORIZATION or name in KEY_HEADERS or name == "content-type":
                value = _value_before(tokens, at) or _value_behind(tokens, at + 1)
                if value is not None:
                    yield token.text.strip(), value
        elif token.kind == "name":
            yield from _named(tokens, at)


def _header_lines(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    """Yield headers that are written as lines: "Authorization: Bearer …"."""
    lines = tokens[at].text.splitlines()[:50]
    for number, line in enumerate(lines):
        if found := _LINE.match(line):
            behind = _joined(tokens, at + 1) if number == len(lines) - 1 else ""
            yield found[1], found[2] + behind


def _named(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    name = tokens[at].text.lower()
    if name == AUTHORIZATION or name in KEY_HEADERS:
        value = _value_behind(tokens, at + 1)
        if value is not None:
            yield name, value
    elif name in _BEARER_CALLS and at + 1 < len(tokens) and tokens[at + 1].text == "(":
        value = _value_behind(tokens, at + 1)
        yield AUTHORIZATION, f"Bearer {VARIABLE if value is None else value}"


def _value_before(tokens: Sequence[Token], at: int) -> str | None:
    """Return the value that stands in front of a header's name, as in Apple's languages."""
    behind = [token for token in tokens[max(0, at - 4) : at] if token.text not in {":", "@", "("}]
    if not behind or behind[-1].text != "forHTTPHeaderField":
        return None
    literals = [token.text for token in tokens[max(0, at - 8) : at] if token.kind == "str"]
    return literals[-1] if literals else VARIABLE


def _value_behind(tokens: Sequence[Token], at: int) -> str | None:
    """Return the value that follows a header's name; None where the program works it out."""
    for place in range(at, min(at + _FAR, len(tokens))):
        token = tokens[place]
        if token.kind == "str":
            return token.text + _joined(tokens, place + 1, token.text)
        is_call = token.kind == "name" and token.text in _CALLS
        if token.text not in _BETWEEN and not is_call and token.text != ".":
            return None
    return None


def _joined(tokens: Sequence[Token], at: int, before: str = "") -> str:
    """Return what is joined to a literal: other literals, and a sign for whatever else."""
    if at + 1 >= len(tokens):
        return ""
    sign, following = tokens[at], tokens[at + 1]
    if sign.text == "," and before.strip().lower() in _SCHEMES:
        return " " + (following.text if following.kind == "str" else VARIABLE)
    if sign.kind == "str" or sign.text not in {*JOINS, "%", "||", ","}:
        return ""
    if sign.text == ".":  # a method of the literal, or another one joined to it
        return VARIABLE if following.text in {"format", "concat", "$"} or following.text.startswith("$") else ""
    if sign.text == ",":
        return VARIABLE if before.endswith(" ") else ""
    return following.text if following.kind == "str" else VARIABLE


def _body(tokens: Sequence[Token]) -> str:
    """Return the body as JSON; empty where there is none, or the program puts it together."""
    for token in tokens:
        if token.kind == "str" and ("contacts" in token.text or "linkedin_url" in token.text):
            for text in (token.text, token.raw):
                if _is_object(text):
                    return text.strip()
    for at, token in enumerate(tokens):
        if token.text == "contacts" and token.kind in {"str", "name"} and is_pair(tokens, at):
            try:
                return _written(tokens, at)
            except NotLiteralError:
                continue
    return ""


def _written(tokens: Sequence[Token], at: int) -> str:
    start = bracket_around(tokens, at)
    place = at + 2 if tokens[at + 1].text not in "[{(" else at + 1
    value, _ = value_at(tokens, place) if start is None else value_at(tokens, start)
    whole = {"contacts": value} if start is None else value
    if not isinstance(whole, dict) or not isinstance(whole.get("contacts"), list):
        raise NotLiteralError
    return json.dumps(whole)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
