"""Removes secrets from pasted text and leaves markers that describe them.

``static/js/strip_secrets.js`` does the same in the browser, before anything is sent; a test holds the two together.
Here it is done once more, for whoever sends a form without that script. A mark looks like
``[key-removed:clapi_AbCd…wXyZ,70-characters]``: it has no spaces and no quotes, so that a command stays readable to a
shell's rules. The ends are named only where the browser knows them from the console's own list of keys.
"""

import re
from dataclasses import dataclass
from typing import Self

from cleanlist.secret_formats import KEY_PREFIXES
from troubleshooting.pasted.secret_patterns import (
    ALONE,
    BEARER,
    CLOSING,
    END_OF_WORD,
    FIELD,
    HEADER,
    ID,
    KEY,
    OPENING,
    OPTION,
    QUERY,
    SESSION_TOKEN,
    STAND_IN,
    USERINFO,
)

_BLANKS = re.compile(r"[ \t]*")
_UNESCAPED = {quote: re.compile(rf"(?<!\\){quote}") for quote in ("'", '"')}
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
    clean = HEADER.sub(_header, text)
    clean = OPTION.sub(r"\1\2[secret-removed]", clean)
    clean = SESSION_TOKEN.sub(lambda found: "[token-removed]" if found[1] else found[0], clean)
    clean = KEY.sub(lambda found: key_marker(found[0]), clean)
    for pattern in (FIELD, QUERY, BEARER):
        clean = pattern.sub(r"\1[secret-removed]", clean)
    clean = USERINFO.sub("[secret-removed]", clean)
    alone = clean.strip()
    if ALONE.fullmatch(alone) and not ID.fullmatch(alone):
        clean = key_marker(alone)
    return StrippedText(clean, clean != text)


def key_marker(secret: str) -> str:
    """Return the marker that replaces a key."""
    start = next((each for each in KEY_PREFIXES if secret.startswith(each)), "other")
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
    end = closing or END_OF_WORD.search(rest)
    return closing.end() if closing else end.start() if end else len(rest)


def _without_credential(name: str, value: str) -> str:
    if name.lower() == "cookie":
        return value if STAND_IN.fullmatch(value) else "[secret-removed]"
    opening = OPENING.match(value)
    before, scheme = (opening[0], opening[1] or "") if opening else ("", "")
    closing = CLOSING.search(value, len(before))
    credential = value[len(before) : closing.start() if closing else None]
    if not credential or STAND_IN.fullmatch(credential):
        return value
    left = key_marker(credential.strip())
    token = SESSION_TOKEN.fullmatch(credential)
    if scheme.strip().lower() in {"basic", "digest"}:
        left = "[secret-removed]"
    elif token and token[1]:
        left = "[token-removed]"
    return f"{before}{left}{closing[0] if closing else ''}"
