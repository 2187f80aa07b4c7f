"""Removes secrets from pasted text and leaves markers that describe them.

``static/js/strip_secrets.js`` does the same in the browser, before anything is sent; a test holds the two together.
Here it is done once more, for whoever sends a form without that script. A mark looks like
``[key-removed:clapi_AbCd…wXyZ,70-characters]``: it has no spaces and no quotes, so that a command stays readable to a
shell's rules. The ends are named only where the browser knows them from the console's own list of keys.
"""

import re
from dataclasses import dataclass
from typing import Self

_FLAGS = re.IGNORECASE | re.ASCII  # as in JavaScript
_QUOTE = "(?:\\\\?['\"]|[`\u2018\u2019\u201c\u201d])"  # straight, and as word processors turn them
_HEADER = re.compile(
    r"(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|cookie)(['\"]?[ \t]*[:=])([^\r\n]*)", _FLAGS
)
_BLANKS = re.compile(r"[ \t]*")
_OPTION = re.compile(r"(?<!\S)(-u|--user|-b|--cookie)(=|\s+)('[^']*'|\"[^\"]*\"|\S+)", re.ASCII)
_FIELD = re.compile(r"(\"(?:api_?key|token|secret|password|client_token)\"\s*:\s*\")((?!\[)[^\"\\]{8,})(?=\")", _FLAGS)
_QUERY = re.compile(r"([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&\s'\"]{8,})", _FLAGS)
_USERINFO = re.compile(r"(?<=[a-z0-9+]://)((?!\[)[^\s/@'\"]+)(?=@)", _FLAGS)
# A token only if there is a dot in it; without one it is taken all the same, so that no part of it is looked at again.
_SESSION_TOKEN = re.compile(r"eyJ[\w-]{5,}(\.[\w-]+(?:\.[\w-]*)?)?", re.ASCII)
# More than the ten characters that lists show, and not followed by what a shortened key goes on with.
_KEY = re.compile(r"(?<![\w:])cl(?:api|ext)_(?!your)[\w-]{5,}(?![\w…]|\.\.\.)", re.ASCII)
_BEARER = re.compile(
    r"(\bbearer\s+)(?![$<{]|\S{0,3}\[(?:key|secret|token)-removed)(?!clapi_(?:\W|your))([^\s'\"\\]{8,})", _FLAGS
)
_ALONE = re.compile(r"[\w+/=.~-]{20,}", re.ASCII)
_ID = re.compile(
    r"(?:[a-z_]+[-_])?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|/)[\w/.-]+|[a-z_]+",
    _FLAGS,
)
_STAND_IN = re.compile(
    r"\$\{?\w+\}?|<[\w -]+>|\{{1,3}[\w .]+\}+|\[\w+-removed[^\s\[\]]*\]|clapi_(?:\.+|…|x+|your\w*)?", _FLAGS
)
_SCHEME = r"((?:bearer|basic|token|digest)(?:\b[ \t]*|(?=cl(?:api|ext)_)))"
_OPENING = re.compile(rf"({_QUOTE}*)(?:{_SCHEME}({_QUOTE}*))?", _FLAGS)
_CLOSING = re.compile(rf"(?<![\\\\'\"`\u2018\u2019\u201c\u201d]){_QUOTE}+\Z")
_UNESCAPED = {quote: re.compile(rf"(?<!\\){quote}") for quote in ("'", '"')}
_END_OF_WORD = re.compile(r"[,}\s]|\Z")
_SPACE, _ODD = re.compile(r"\s"), re.compile(r"[^\w\s-]", re.ASCII)
_MARK = re.compile(
    r"\[key-removed:(clapi_|clext_|other)(?:([\w-]{4})…([\w-]{4}))?,(\d{1,6})-characters(,spaces)?(,odd)?\]", re.ASCII
)


@dataclass(frozen=True)
class RemovedKey:
    """What is known of a key that was taken out; ``prefix`` and ``last4`` are empty unless the browser knew it."""

    start: str
    prefix: str
    last4: str
    length: int
    has_spaces: bool
    has_odd_characters: bool

    @classmethod
    def first_in(cls, text: str) -> Self | None:
        """Return the first mark in ``text``; None where there is none."""
        found = _MARK.search(text)
        if found is None:
            return None
        start, prefix, last4, length, spaces, odd = found.groups()
        whole = f"{start}{prefix}" if prefix else ""
        return cls(start, whole, last4 or "", int(length), bool(spaces), bool(odd))


@dataclass(frozen=True)
class StrippedText:
    """Text without secrets; ``found`` says that there was one here, although the browser should have taken it out."""

    text: str
    found: bool


def remove_secrets(text: str) -> StrippedText:
    """Return ``text`` with every key, token and password replaced by a mark."""
    clean = _HEADER.sub(_header, text)
    clean = _OPTION.sub(r"\1\2[secret-removed]", clean)
    clean = _SESSION_TOKEN.sub(lambda found: "[token-removed]" if found[1] else found[0], clean)
    clean = _KEY.sub(lambda found: key_marker(found[0]), clean)
    for pattern in (_FIELD, _QUERY, _BEARER):
        clean = pattern.sub(r"\1[secret-removed]", clean)
    clean = _USERINFO.sub("[secret-removed]", clean)
    alone = clean.strip()
    if _ALONE.fullmatch(alone) and not _ID.fullmatch(alone):
        clean = key_marker(alone)
    return StrippedText(clean, clean != text)


def key_marker(secret: str) -> str:
    """Return the marker that replaces a key."""
    start = next((each for each in ("clapi_", "clext_") if secret.startswith(each)), "other")
    spaces = ",spaces" if _SPACE.search(secret) else ""
    odd = ",odd" if _ODD.search(secret) else ""
    return f"[key-removed:{start},{len(secret)}-characters{spaces}{odd}]"


def _header(found: re.Match[str]) -> str:
    quote, name, colon, rest = found.groups()
    blanks = _BLANKS.match(rest)
    start = blanks.end() if blanks else 0
    value = rest[start:]
    end = _end_of_value(quote, colon, value)
    return f"{quote}{name}{colon}{rest[:start]}{_without_credential(name, value[:end])}{value[end:]}"


def _end_of_value(quote: str, colon: str, rest: str) -> int:
    """Return where in the rest of its line the header's value ends."""
    if colon[0] not in "'\"":
        closing = _UNESCAPED[quote].search(rest) if quote else None
        return closing.start() if closing else len(rest if quote else rest.removesuffix("\\").rstrip())
    # The name is quoted for itself, as in JSON and in code.
    closing = _UNESCAPED[rest[0]].search(rest, 1) if rest[:1] in _UNESCAPED else None
    end = closing or _END_OF_WORD.search(rest)
    return closing.end() if closing else end.start() if end else len(rest)


def _without_credential(name: str, value: str) -> str:
    if name.lower() == "cookie":
        return value if _STAND_IN.fullmatch(value) else "[secret-removed]"
    opening = _OPENING.match(value)
    before, scheme = (opening[0], opening[2] or "") if opening else ("", "")
    closing = _CLOSING.search(value, len(before))
    credential = value[len(before) : closing.start() if closing else None]
    if not credential or _STAND_IN.fullmatch(credential):
        return value
    left = key_marker(credential.strip())
    token = _SESSION_TOKEN.fullmatch(credential)
    if scheme.strip().lower() in {"basic", "digest"}:
        left = "[secret-removed]"
    elif token and token[1]:
        left = "[token-removed]"
    return f"{before}{left}{closing[0] if closing else ''}"
