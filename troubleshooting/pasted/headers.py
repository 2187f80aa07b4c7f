"""What is wrong with the form of the Authorization header that somebody pasted. Nothing is asked upstream."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from cleanlist.secret_formats import EXTENSION_KEY_PREFIX, KEY_LENGTH
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.request import IN_URL, KEY_IN_URL, PastedRequest
from troubleshooting.pasted.secret_encodings import EXPANSION, FILLED
from troubleshooting.pasted.secrets import RemovedKey

_HEADER_LINE = re.compile(
    r"^[ \t]*((?:proxy-)?autho?ri[sz]ation|x-(?:api-key|(?:auth|access)-token|cleanlist-\w{0,4}-?key))"
    r"[ \t]*:[ \t]*+(?:\r?\n[ \t]*+)?(.*)",
    re.IGNORECASE | re.MULTILINE,
)
_HOLDS_BEARER = re.compile(
    r"^[ \t]*(?:(?:export|const|let|var|set|val|final|ENV)[ \t]+|\$(?:env:)?)?([A-Za-z_]\w{0,60})[ \t]*:?=[ \t]*"
    r"(?:[\"'`]|f[\"'])?Bearer[ \t]+[^\s\"'`]",
    re.IGNORECASE | re.MULTILINE,
)
_SETS = re.compile(r"\b(\w{1,80})[\"'\]]{0,2}[ \t]{0,9}[:=](?!=)")
_BEHIND_BEARER = re.compile(
    r"bearer[ \t]{1,9}(?:[\"'`][ \t]{0,9}[+.&][ \t]{0,9}\$?|[$#]?\{{1,2}[ \t]{0,9}|\$(?:env:)?|%)"
    r"(?:process\.env\.|os\.(?:environ\[|getenv\()[\"'])?(\w{1,80})\b(?![\w(\[]|\.\w|=)",
    re.IGNORECASE,
)
_OF_MAKE = re.compile(r"\.PHONY\b|\bmakefile\b|^make(?:\[\d+\])?: |^\t@", re.IGNORECASE | re.MULTILINE)
_IN_RECIPE = re.compile(r"(?:^\t|\\\r?\n[ \t]{1,40})[^\n]{0,500}?Bearer \$[A-Za-z_]\w", re.MULTILINE)
_MOST_NAMES = 5
_NAME_AND_VALUE = re.compile(  # below each other, as Make's module shows them
    r"^[ \t-]*(?:[Nn]ame|[Kk]ey)[ \t]*:[ \t]*[Aa]uthorization[ \t]*\r?\n[ \t]*[Vv]alue[ \t]*:[ \t]*+(\S.*)",
    re.MULTILINE,
)
_QUOTE = re.compile("['\"`]")
_UNEXPANDED = re.compile(  # between single quotes, in which the shell puts nothing in
    r"'[^'\"\n:]{0,20}\"?authorization\"?[ \t]{0,9}:[ \t]{0,9}\"?bearer[ \t]+(?:\$\{?\w|%\w{1,60}%)", re.IGNORECASE
)
_STAND_IN = re.compile(
    r"clapi_(?:live_|test_)?(\.|…|x|your|\W|$)|<[^<>]+>|^['\"]?(?:your|my|insert|replace|x{4})", re.IGNORECASE
)
OTHER_NAMES = {"bearer", "authentication", "authentification"}  # which a program may well use for something else
MISSPELLED = {"authorisation", "autorization", "autorisation", "authorizaton", "authorizations", "authorazation"}
TOKEN_HEADERS = {
    "x-auth-token", "x-access-token", "x-api-token", "x-auth-key", "x-cleanlist-key", "x-cleanlist-api-key",
    "cleanlist-api-key", "x-cleanlist-token",
}  # fmt: skip
_KEY_HEADERS = {"x-api-key", "api-key", "apikey", "x-apikey", "api_key", *TOKEN_HEADERS}
# What a program, or a tool's template, puts something in for.
_VARIABLE = re.compile(
    r"[$#%@]?\{\{?[^{}]*\}|\\\(\w|\$[\w(]|%[sv]|\{\}|%\w{1,40}%|<<\w|\(\$|&[A-Za-z]|!\w{1,40}!|#[A-Za-z][\w.]{0,40}#"
)
_TEMPLATE = re.compile(f"{EXPANSION}|{FILLED}")
_QUOTED_VARIABLE = re.compile(r"(['\"])(?:\$\{\w+\}|\$\w+|#\{\w+\}|\{\w+\}|%s)\1")
_HIDES_CODE = re.compile(r"\[key-removed:other,\d{1,6}-characters,spaces,odd\]")  # more than the key was removed
NOT_EXPANDED = "\x00"  # behind a variable that the program's language leaves as it is, before that mistake's name
_REDACTED = re.compile(
    r"\W{0,4}(?:redacted|filtered|masked|hidden|secure|sensitive|scrubbed|obfuscated)\W{0,4}|\*{1,80}|"
    r"\[key-removed:other,(?:8|10)-characters,odd\]|(?:bearer )?clapi_\*{5,80}|!\w{1,20} \S{1,80}",
    re.IGNORECASE,
)  # by who wrote a log, or kept elsewhere, as a tag in YAML says
_OTHER_SCHEME = re.compile(r"(?:token|apikey|api-key|key|jwt|digest|oauth)[ \t:=]+\S", re.IGNORECASE)
_MASKED = re.compile(r"clapi_(?:[\w-]{4}(?:\.{2}|[…•*])|[•*]{2})")  # as lists show a key
_NO_VALUE = re.compile(r"undefined|none|null|nil", re.IGNORECASE)
_NO_VALUE_PUT_IN = re.compile(r"[$#]?\{\s?(?:undefined|none|null|nil)\s?\}", re.IGNORECASE)
_WHOLE_VARIABLE = re.compile(r"\$(?:env:)?\w{1,80}|\$?\{{1,2}[^{}]{1,80}\}{1,2}|%\w{1,80}%|<<\w{1,80}>>")
_SIGN = re.compile(r"[:=,][ \t]*")
_BRACKETS = {"<>", "{}", "[]", "()"}
_MARK = re.compile(r"\[key-removed:[^ \[\]]*\]")
_SCHEME = re.compile(r"^['\"\s]*(bearer|basic)?(\s*)(.*)", re.IGNORECASE | re.DOTALL)
_COMMAND = re.compile(r"['\"]?(?:\$\(|`)")  # whose output the shell puts in
_TWICE = re.compile(r"['\"\s]{0,4}bearer\b", re.IGNORECASE)
_ODD_BLANK = re.compile(r"[^ \t\r\n]")
_BREAK_AT_END = re.compile(r"(?<!\r)\n\Z")
_TYPOGRAPHIC = re.compile("[\u2018\u2019\u201a\u201c-\u201f]authorization\\Z")
_QUOTES = re.compile("['\"`\u2018\u2019\u201c\u201d]")  # straight, and as word processors turn them


def find_mistakes_of(request: PastedRequest, raw: str) -> tuple[str, ...]:
    """Return the names of what is wrong with the header of a request, or ``(GOOD,)``; nothing where that is unknown."""
    by_name = {name.lower() for name, _ in request.headers}
    has_key_in_url = bool(IN_URL.search(request.url) or KEY_IN_URL.search(request.url))
    known = request.is_whole or request.uses_basic or by_name & {"authorization", *_KEY_HEADERS, *MISSPELLED}
    if not (known or by_name & OTHER_NAMES or _is_bearer_anywhere(request.headers)):
        return ("in_url",) if KEY_IN_URL.search(request.url) else ()
    found = find_mistakes(
        request.headers,
        uses_basic=request.uses_basic,
        raw="" if request.is_code else raw,
        is_code=request.is_code,
    )
    if found == ("unset",) and request.is_code and not raw:
        return ("no_value",)  # in a program, not in what one has sent
    return ("in_url",) if found == ("missing",) and has_key_in_url else found


def find_mistake_of_variable(text: str) -> tuple[str, ...]:
    """Return what is wrong with what a right header gets: Bearer is in its variable too, or make reads another one."""
    if _OF_MAKE.search(text) and _IN_RECIPE.search(text):
        return ("makefile",)
    for name in {found[1] for found in islice(_HOLDS_BEARER.finditer(text), _MOST_NAMES)}:
        is_set_once = _SETS.findall(text).count(name) == 1
        if is_set_once and name.casefold() in map(str.casefold, _BEHIND_BEARER.findall(text)):
            return ("twice",)
    return ()


def find_mistakes(
    headers: Iterable[tuple[str, str]], *, uses_basic: bool = False, raw: str = "", is_code: bool = False
) -> tuple[str, ...]:
    """Return the names of what is wrong with the headers of a request, or ``(GOOD,)``.

    Secrets in them are marks (``secrets``). ``raw`` is the command as it was pasted, for what its quotes do. In a
    program, what is put in for a variable is unknown, so nothing is said of it.
    """
    by_name = {name.lower(): value for name, value in headers}
    value = by_name.get("authorization")
    if value is None:
        return ("basic",) if uses_basic else (_mistake_in_names(by_name),)
    if (
        _REDACTED.fullmatch(value)
        or _WHOLE_VARIABLE.fullmatch(value.strip("'\" "))
        or (is_code and _HIDES_CODE.search(value))
    ):
        return ()
    if is_code and (NOT_EXPANDED in value or _VARIABLE.search(value)):
        return _mistakes_around_variable(value)
    return _mistakes_in_value(value, raw) or (GOOD,)


def _mistake_in_names(by_name: Mapping[str, str]) -> str:
    if any(map(_TYPOGRAPHIC.match, by_name)):
        return "curly_quotes"
    if by_name.keys() & _KEY_HEADERS:
        return "x_api_key" if "x-api-key" in by_name else "other_header"
    is_there = _is_bearer_anywhere(by_name.items()) or by_name.keys() & {*MISSPELLED, *OTHER_NAMES}
    return "misnamed" if is_there else "missing"


def _is_bearer_anywhere(headers: Iterable[tuple[str, str]]) -> bool:
    return any(value[:7].lower() == "bearer " for _, value in headers)


def header_lines(text: str) -> list[tuple[str, str]]:
    """Return the headers with credentials that are written as on the wire; none where a line is one of a program."""
    found = [(name, value.strip()) for name, value in _HEADER_LINE.findall(text)]
    found = found or [("Authorization", value.strip()) for value in _NAME_AND_VALUE.findall(text)]
    return [] if any(_is_code(value) for _, value in found) else found


def _is_code(value: str) -> bool:
    return value[:1] in {"'", '"', "`"} or value[-1:] in {",", ";"} or len(_QUOTE.findall(value)) % 2 == 1


def has_key_in_url(text: str) -> bool:
    """Return whether a key stands in an address in ``text``."""
    return bool(KEY_IN_URL.search(text))


def hides_key(headers: Iterable[tuple[str, str]]) -> bool:
    """Return whether the Authorization header has something else than a key in its place."""
    return any(name.lower() == "authorization" and RemovedKey.first_in(value) is None for name, value in headers)


def _mistakes_around_variable(value: str) -> tuple[str, ...]:
    """Return what is wrong whatever the variable holds: another scheme, say."""
    scheme, space, rest = _SCHEME.findall(value)[0]
    if scheme.lower() == "basic":
        return ("basic",)
    if not scheme:
        return ("scheme",) if _OTHER_SCHEME.match(rest) and _VARIABLE.match(rest.partition(" ")[2]) else ()
    rest, _, kept = rest.partition(NOT_EXPANDED)
    slips: dict[str, object] = {"twice": _TWICE.match(rest), "sign": not space and _SIGN.match(rest)}
    slips |= {"no_value": _NO_VALUE_PUT_IN.fullmatch(rest), kept: kept}
    slips |= {"odd_blank": _ODD_BLANK.search(space), "spaces": _BREAK_AT_END.search(rest)}
    if name := next((each for each, is_so in slips.items() if is_so), ""):
        return (name,)
    if _QUOTED_VARIABLE.fullmatch(rest):
        return ("quotes",)
    return (GOOD,) if space else ("no_space",) if _VARIABLE.match(rest) or _MARK.match(rest) else ()


def find_key_mistakes(key: RemovedKey) -> tuple[str, ...]:
    """Return the names of what is wrong with a key that was taken out."""
    if key.start == EXTENSION_KEY_PREFIX:
        return ("extension",)
    odd = "dash" if key.has_dash else "characters"
    found = {"prefix": key.start == "other", "spaces": key.has_spaces, odd: key.has_odd_characters}
    slips = tuple(name for name, is_so in found.items() if is_so)
    return slips or (("length",) if key.length != KEY_LENGTH else ())


def _mistakes_in_value(value: str, raw: str) -> tuple[str, ...]:
    scheme, space, rest = _SCHEME.findall(value)[0]
    word = scheme.lower()
    if value.strip("'\" ") == "[secret-removed]":  # a word before a space would have been left
        return ("bearer_or_space",)
    if word == "basic":
        return ("basic",)
    if not word:
        other = _OTHER_SCHEME.match(rest)
        if other:
            return ("scheme",)
        return ("no_bearer",) if rest.strip("'\" ") else ("empty",)
    said = rest.strip("'\" ")
    odd = {"twice": _TWICE.match(rest), "empty": not said, "unset": _NO_VALUE.fullmatch(said)}
    odd["odd_blank"] = _ODD_BLANK.search(space)
    odd["object_key"] = said.lower() == "[object object]"
    if name := next((each for each, is_so in odd.items() if is_so), ""):
        return (name,)
    sign = None if space else _SIGN.match(rest)
    form = () if space else ("sign",) if sign else ("no_space",)
    return (*form, *_mistakes_in_credential(rest[sign.end() :] if sign else rest, raw))


def _mistakes_in_credential(rest: str, raw: str) -> tuple[str, ...]:
    quotes = ("quotes",) if _QUOTES.search(_TEMPLATE.sub("", rest)) else ()
    key = RemovedKey.first_in(rest)
    if key is not None:
        around = _MARK.sub("", _QUOTES.sub("", rest), count=1).strip(" \t\r\n")
        is_bracketed = around in _BRACKETS and not key.has_odd_characters
        is_broken = _BREAK_AT_END.search(rest) and not find_key_mistakes(key)
        more = (
            ("spaces",)
            if is_broken
            else ("brackets",)
            if is_bracketed
            else ("characters",)
            if around and not find_key_mistakes(key)
            else ()
        )
        return (*quotes, *find_key_mistakes(key), *more)
    if "[secret-removed]" in rest:  # it would be marked as a key if it began like one
        return (*quotes, "prefix")
    if _UNEXPANDED.search(raw):
        return ("unexpanded",)
    if _COMMAND.match(rest):
        return ()
    if _STAND_IN.search(_TEMPLATE.sub("", rest)) or _MASKED.search(rest):
        return ("masked",) if _MASKED.search(rest) else ("stand_in",)
    return quotes
