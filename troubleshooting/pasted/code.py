"""Finds the request in a program: URL, headers and body, as far as they are written there and not worked out by it."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from troubleshooting.body.remarks import is_profile
from troubleshooting.pasted.code_calls import ADDS_HEADERS, MAY_ADD_HEADERS, URL, Call, Program, key_parameters
from troubleshooting.pasted.code_methods import find_basic, find_method, has_several, is_own, sends_text, verb_of_call
from troubleshooting.pasted.code_tokens import (
    JOINS,
    Token,
    body_of,
    bracket_around,
    is_pair,
    kept_literals,
    tokens_of,
)
from troubleshooting.pasted.curl import parse_curl
from troubleshooting.pasted.endpoints import HOST, join_base
from troubleshooting.pasted.headers import MISSPELLED, NOT_EXPANDED, OTHER_NAMES, TOKEN_HEADERS
from troubleshooting.pasted.request import KEY_IN_URL, PastedRequest

AUTHORIZATION, KEY_HEADERS = "authorization", {"x-api-key", "api-key", *TOKEN_HEADERS, *MISSPELLED}
_BARE_NAMES = {"apikey", "api_key", "x_api_key", "xapikey", "bearer"}  # of variables too: only those in headers count
_SETTINGS = {"api-key", "cleanlist-api-key", "cleanlist-token"}  # without quotes, of a file with settings
# What stands in a value where the program puts something in.
VARIABLE = "${…}"
_LINE = re.compile(r"^[ \t]*((?:proxy-)?authorization|x-api-key|api-key|content-type)[ \t]*:[ \t]*+(.*)", re.IGNORECASE)
_BETWEEN = set(",:=])([({") | {
    "=>", ":=", "->", "@", "f", "r", "b", "u", "value", "type", "string", "val", "v", "&", "$", "!", "s",
    "secret-removed",
}  # fmt: skip
_CALLS = {
    "Sprintf", "sprintf", "format", "String", "new", "AuthenticationHeaderValue", "HeaderValue", "from_str",
    "from_static", "New-Object", "parse", "concat", "bytes", "Buffer", "Some", "valueOf", "StringValues", "to_owned",
    "header", "set", "fmt", "paste", "paste0", "HttpHeaders", "glue", "str_c", "str_glue", "str", "string",
}  # fmt: skip
_BEARER_CALLS = {
    "bearer_auth", "bearerauth", "withtoken", "setbearerauth", "bearertoken", "with_bearer_token",
    "req_auth_bearer_token", "setauthtoken", "withoauthbearertoken", "oauth2bearertoken",
}  # fmt: skip
_NOTHING = {"None", "null", "nil", "undefined", "NULL"}
_BEARER_OPTIONS = {"auth_bearer", "oauth-token"}
_SCHEMES = {"bearer", "basic", "token", "apikey", "digest"}
_CREDENTIAL = re.compile(r"(?i)(?:bearer|basic)\b|\[(?:key|token)-removed")
_BLANK_NAME = re.compile(r"(?i)space|blank|sep|^_?sp$")  # of a constant that holds the blank
_MOST_HEADERS = 100
_DOT = Token("sign", ".")
_FAR = 12  # tokens between a header's name and its value


def parse_code(text: str) -> list[PastedRequest]:
    """Return the requests to Cleanlist in a program, or else the first to any; none in what has no request.

    A request is recognized by a header with a credential, by basic auth, or by a body.
    """
    if not any(quote in text for quote in "\"'`"):
        return []
    tokens = tokens_of(text)
    if commands := _commands_in(tokens):
        return commands
    program = Program(tokens)
    headers = list(islice(_headers(tokens), _MOST_HEADERS))
    requests = [request for call in program.calls if _is_known(request := _request_of(program, call, headers))]
    if not requests and _is_known(whole := _request_of(program, None, headers)):
        requests = [whole]
    if len(program.calls) == 1 and program.is_bare(call := program.calls[0]):
        requests = _without_headers(requests, program, call, text)
    for request in requests:
        request.url = _absolute(request.url or _url_in(text), text)
        _join_base(request, tokens)
        request.headers = list(_marked(request, tokens, text))
        may_send = request.method != "GET" and not has_several(tokens)
        request.is_form = len(requests) == 1 and may_send and sends_text(text)
    return requests


def _without_headers(requests: list[PastedRequest], program: Program, call: Call, text: str) -> list[PastedRequest]:
    """Return the request of a call that surely gets no header, whatever else the program has."""
    if requests:
        has_header = any(name.lower() == AUTHORIZATION for name, _ in requests[0].headers)
        if len(requests) == 1 and has_header and not ADDS_HEADERS.search(text):
            requests[0].headers = [("Authorization", f"Bearer {VARIABLE}{NOT_EXPANDED}headers_unused")]
        return requests
    if f"//{HOST}/api/v" not in call.url or MAY_ADD_HEADERS.search(text.replace(call.url, "")):
        return []
    method = find_method(program, call)
    return [PastedRequest(method, call.url, is_code=True, is_sure_of_method=bool(method))]


def _url_in(text: str) -> str:
    """Return the address of Cleanlist in ``text``, or else the first one that is no profile's."""
    urls = [each[0].rstrip(";,") for each in islice(URL.finditer(text), _MOST_HEADERS)]
    ours = [url for url in urls if HOST in url]
    return next(iter(ours or [url for url in urls if not is_profile(url)]), "")


def _is_known(request: PastedRequest) -> bool:
    names = {name.lower() for name, _ in request.headers}
    has_key = bool(KEY_IN_URL.search(request.url) or names & {AUTHORIZATION, *KEY_HEADERS, *OTHER_NAMES})
    return bool(request.data) or has_key or request.uses_basic


def _join_base(request: PastedRequest, tokens: Sequence[Token]) -> None:
    """Add the path that a client with a base URL is called with, and the method of that call."""
    literals = {token.text: at for at, token in enumerate(tokens) if token.kind == "str" and len(token.text) < 300}
    request.url, literal = join_base(request.url, literals)
    at = literals.get(literal, 0) if literal else 0
    if at > 1 and tokens[at - 1].text == "(" and (method := verb_of_call(tokens[at - 2].text)):
        request.method, request.is_sure_of_method = method, True


def _absolute(url: str, text: str) -> str:
    """Return the whole address where only its path stands in the call, and the host elsewhere."""
    return f"https://{HOST}{url}" if url.startswith("/") and HOST in text else url


def _request_of(program: Program, call: Call | None, written: list[tuple[int, str, str]]) -> PastedRequest:
    """Return the request that a call makes; of all of the program where it has no call with an address."""
    tokens = program.tokens
    request = PastedRequest(is_whole=False, is_code=True, is_sure_of_method=False, url=call.url if call else "")
    headers = [each for each in written if _belongs(program, call, each[0])]
    own = [each for each in headers if call and call.holds(each[0])]
    has_own = any(name.lower() in {AUTHORIZATION, *KEY_HEADERS} for _, name, _ in own)
    request.headers = [(name, value) for _, name, value in (own if has_own else headers)]
    request.uses_basic = any(_belongs(program, call, at) for at in islice(find_basic(tokens), _MOST_HEADERS))
    if request.uses_basic:  # a variable in the header may well be what makes it
        request.headers = [each for each in request.headers if each[1] != VARIABLE]
    is_only = call is None or len(program.calls) == 1
    body = body_of(tokens if call is None or is_only else tokens[call.start : call.end + 1])
    if not body and not is_only and request.url.rstrip("/").endswith("/enrich/bulk"):
        body = body_of(tokens)  # from a variable
    request.data = ["" if is_own(tokens, request.url) else body] if body else []
    if call and not any(name.lower() == AUTHORIZATION for name, _ in request.headers):
        request.url += next(key_parameters(tokens, call), "")
    if method := find_method(program, call or Call("", 0, 0, len(tokens) - 1)):
        request.method, request.is_sure_of_method = method, True
    return request


def _marked(request: PastedRequest, tokens: Sequence[Token], text: str) -> Iterator[tuple[str, str]]:
    """Mark variables in literals whose quotes keep the language from putting their values in."""
    kept = list(kept_literals(tokens, text))
    for name, value in request.headers:
        slip = next((slip for slip, literal in kept if value and value in literal), "")
        yield name, f"{value}{NOT_EXPANDED}{slip}" if slip else value


def _belongs(program: Program, call: Call | None, at: int) -> bool:
    """Return whether what stands at ``at`` is of ``call``, or of no other one."""
    calls = [*program.calls, *program.others]
    if call is None or len(calls) < 2:
        return not any(each.holds(at) for each in program.others)
    inside = [each for each in calls if each.holds(at)]
    owners = inside or program.owners_of(at)
    return call in owners if owners else True


def _commands_in(tokens: Sequence[Token]) -> list[PastedRequest]:
    """Return the requests of a command in a literal, as scripts and configuration files run one."""
    behind = (*(token.text for token in tokens[1:]), "")
    whole = (token for token, sign in zip(tokens, behind, strict=True) if sign not in JOINS)
    commands = (token.text.strip() for token in whole if token.kind == "str")
    return next((found for each in commands if each.startswith("curl ") and (found := parse_curl(each))), [])


def _headers(tokens: Sequence[Token]) -> Iterator[tuple[int, str, str]]:
    """Yield headers, each with the place of its name."""
    for at, token in enumerate(tokens):
        if token.kind == "str":
            yield from ((at, *header) for header in _header_lines(tokens, at))
            name = token.text.strip().lower()
            if name == AUTHORIZATION or name in KEY_HEADERS or name == "content-type":
                value = _value_before(tokens, at) or _value_behind(tokens, at + 1)
                if value is None and name == AUTHORIZATION:
                    value = _assigned(tokens, at + 1)
                if value is not None:
                    yield at, token.text.strip(), value
                elif name != "content-type" and _is_set(tokens, at + 1):
                    yield at, token.text.strip(), VARIABLE
            yield from ((at, *header) for header in _misnamed(tokens, at))
        elif token.kind == "name":
            yield from ((at, *header) for header in _named(tokens, at))
        if token.text.lower() in _BARE_NAMES and _is_in_headers(tokens, at):
            yield at, "api-key", VARIABLE
        if token.kind == "str" and token.text in _BEARER_OPTIONS:
            yield at, AUTHORIZATION, f"Bearer {VARIABLE}"


def _misnamed(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    if tokens[at].text.lower() in OTHER_NAMES and (value := _value_behind(tokens, at + 1) or "").startswith("Bearer "):
        yield tokens[at].text, value


def _is_in_headers(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the name at ``at`` is one in an object called headers."""
    start = bracket_around(tokens, at)
    if start is None or start < 2 or tokens[at + 1 : at + 2] == [] or tokens[at + 1].text not in {":", "=>"}:
        return False
    return tokens[start - 1].text in {":", "=", "=>"} and tokens[start - 2].text.lower() == "headers"


def _assigned(tokens: Sequence[Token], at: int) -> str | None:
    """Return what a header's variable is, if that is written in the program once, and is a credential."""
    at += tokens[at].text == "]" if at < len(tokens) else 0
    if not _is_set(tokens, at) or (at + 2 < len(tokens) and tokens[at + 2].text in {".", "(", "["}):
        return None
    name = tokens[at + 1].text
    places = [
        place
        for place in range(len(tokens) - 2)
        if tokens[place].text == name and tokens[place + 1].text in {"=", ":="} and tokens[place + 2].text != "="
    ]
    value = tokens[places[0] + 2] if len(places) == 1 else None
    if value is None or value.kind != "str" or not _CREDENTIAL.match(value.text):
        return None
    return value.text + _joined(tokens, places[0] + 3, value.text)


def _is_set(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a header gets a value that the program works out, rather than being read."""
    at += tokens[at].text == "]" if at < len(tokens) else 0
    if at + 1 >= len(tokens) or tokens[at].text not in {":", "=>", ",", "=", "->"}:
        return False
    return tokens[at + 1].kind == "name" or tokens[at + 1].text in {"&", "$", "@"} or _is_mark(tokens, at + 1)


def _is_mark(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the mark of a removed secret begins at ``at``."""
    return at + 1 < len(tokens) and tokens[at].text == "[" and tokens[at + 1].text.endswith("-removed")


def _header_lines(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    """Yield headers that are written as lines: "Authorization: Bearer …"."""
    lines = tokens[at].text.splitlines()[:50]
    for number, line in enumerate(lines):
        if found := _LINE.match(line):
            behind = _joined(tokens, at + 1, line) if number == len(lines) - 1 else ""
            yield found[1], found[2] + behind


def _named(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, str]]:
    name = tokens[at].text.lower()
    if name in _SETTINGS and not _is_in_headers(tokens, at) and tokens[max(0, at - 2)].text.lower() != "headers":
        return
    if name == AUTHORIZATION or name in KEY_HEADERS:
        value = _value_behind(tokens, at + 1)
        if value is not None or _is_mark(tokens, at + 2) or (_is_in_headers(tokens, at) and _is_set(tokens, at + 1)):
            yield name, VARIABLE if value is None else value
    elif name == "authorizationheader" and (value := _value_behind(tokens, at + 1)) is not None:
        yield AUTHORIZATION, value
    elif name in _BEARER_OPTIONS:
        yield AUTHORIZATION, f"Bearer {VARIABLE}"
    elif name == "auth" and _is_sent_as_header(tokens, at):
        yield AUTHORIZATION, _value_behind(tokens, at + 1) or f"Bearer {VARIABLE}"
    elif _is_bearer_call(tokens, at):
        value = _value_behind(tokens, at + 1)
        yield AUTHORIZATION, f"Bearer {VARIABLE if value is None else value}"


def _is_sent_as_header(tokens: Sequence[Token], at: int) -> bool:
    """Return whether ``.auth("Bearer …")`` or ``.auth(key, {type: "bearer"})`` stands at ``at``."""
    behind = [token.text.lower() for token in tokens[at + 1 : at + 9]]
    return behind[:1] == ["("] and (behind[1:2] == ["bearer"] or "bearer" in behind or behind[1].startswith("bearer"))


def _is_bearer_call(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a function that adds the word Bearer is called at ``at``, or an atom or option says so."""
    name, following = tokens[at].text.lower(), tokens[at + 1].text if at + 1 < len(tokens) else ""
    if name != "bearer":
        return name in _BEARER_CALLS and following in {"(", ":"}
    before = tokens[at - 1].text.lower() if at else ""
    return (before, following) in {(".", "("), (":", ","), (":", "{")} or before.endswith("authentication")


def _value_before(tokens: Sequence[Token], at: int) -> str | None:
    """Return the value that stands in front of a header's name, as in Apple's languages."""
    behind = [token for token in tokens[max(0, at - 4) : at] if token.text not in {":", "@", "("}]
    if not behind or behind[-1].text != "forHTTPHeaderField":
        return None
    places = [place for place in range(max(0, at - 8), at) if tokens[place].kind == "str"]
    if not places:
        return VARIABLE
    value = tokens[places[-1]].text
    if not value.strip():  # which only joins others
        return VARIABLE
    return value if tokens[places[-1] + 1].text == "," else value + _joined(tokens, places[-1] + 1, value)


def _value_behind(tokens: Sequence[Token], at: int) -> str | None:
    """Return the value that follows a header's name; None where the program works it out."""
    for place in range(at, min(at + _FAR, len(tokens))):
        token = tokens[place]
        if token.kind == "str" and not (token.text == "value" and is_pair(tokens, place)):
            has_blank = tokens[place - 2].text == "paste"
            text = f"{token.text} " if has_blank and token.text in {"Bearer", "Basic"} else token.text
            if tokens[place - 2].text == "paste0" and place + 1 < len(tokens) and tokens[place + 1].text == ",":
                return token.text + VARIABLE
            return text + _joined(tokens, place + 1, text)
        is_call = token.kind == "name" and (token.text in _CALLS or tokens[place + 1 : place + 2][-1:] == [_DOT])
        if token.text not in _BETWEEN and not is_call and token.text != ".":
            return None
    return None


def _joined(tokens: Sequence[Token], at: int, before: str = "") -> str:
    """Return what is joined to a literal: other literals, and a sign for whatever else."""
    is_closed = before.endswith(" ") and tokens[at : at + 1] and tokens[at].text == ")"
    at += 1 if is_closed and at + 1 < len(tokens) and tokens[at + 1].text in JOINS else 0
    if at + 1 >= len(tokens):
        return ""
    sign, following = tokens[at], tokens[at + 1]
    if sign.text == "," and before.strip().lower() in _SCHEMES:
        return " " + (following.text if following.kind == "str" else VARIABLE)
    if sign.kind != "sign" or sign.text not in {*JOINS, "%", ","}:  # side by side, as MATLAB joins them
        return VARIABLE if sign.kind == "name" and before.endswith(" ") else ""
    if sign.text in {".", ","}:  # a method of the literal, or another one joined to it
        is_joined = following.text in {"format", "format_map", "concat", "join"} or following.text.startswith("$")
        return VARIABLE if (sign.text == "." and is_joined) or before.endswith(" ") else ""
    behind = tokens[at + 2].text if at + 2 < len(tokens) else ")"
    if following.text in _NOTHING and following.kind == "name" and behind in ")]},;":
        return following.text
    blank = " " if _BLANK_NAME.search(following.text) else ""
    return following.text if following.kind == "str" else f"{blank}{VARIABLE}"
