"""Removes secrets from text and structured values before they are written anywhere.

The formats come from the Cleanlist API reference (``clapi_`` and ``clext_``), RFC 7519 (session tokens), Clerk's
front-end API (the ``__client`` cookie) and the Fernet specification (encrypted values).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from cleanlist.secret_formats import KEY_PREFIXES, KEY_START, session_token

REDACTED = "[redacted]"
KEPT_CHARACTERS = 10  # of an API key: its public prefix, which lists of keys show too
# Limits of the log: characters of a value, characters of all values of an event, lines at each end of a traceback.
LONGEST_VALUE, LONGEST_EVENT, MOST_LINES = 2_000, 20_000, 100
# Characters scanned beyond a cut, so that a secret that crosses it is still recognized.
BEYOND = 2_000
_OF_ANY_VALUE = 8  # characters, about the length of a number with its comma

# A pattern that can match at many positions and runs on from each takes quadratic time. So a long match must not
# contain another possible start, or must be consumed as a whole even if it stays as it is.
_AUTHORIZATION = r"(?i)(\bauthorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(?:bearer|basic|token)\s+)?[^\s'\",;)]+"
_NAMED = (
    r"(?i)((?:\b(?:csrfmiddlewaretoken|sessionid|client_token)|password(?:(?!password)\w)*)['\"]?\s*[=:]\s*['\"]?)"
    r"[^\s'\"&,;)}]+"
)


def _token_with_dot(found: re.Match[str]) -> str:
    return REDACTED if found[1] else found[0]


_PATTERNS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    # API keys keep their first ten characters, so that a log line still identifies the key.
    (re.compile(rf"({KEY_START}[\w-]{{4}})[\w-]+", re.ASCII), rf"\1…{REDACTED}"),
    (re.compile(session_token(), re.ASCII), _token_with_dot),
    # Our encrypted values: Fernet's version byte 0x80 and a time before 2106 always encode to this prefix.
    (re.compile(r"gAAAAA[A-Za-z0-9_=-]{20,}"), REDACTED),
    (re.compile(r"(__client(?:_uat)?=)[^;,\s'\"]+"), rf"\1{REDACTED}"),
    (re.compile(_AUTHORIZATION), rf"\1{REDACTED}"),
    (re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{REDACTED}"),
    (re.compile(_NAMED), rf"\1{REDACTED}"),
    # Tokens in links of emails (unsubscribing, invitations, password resets), and an identity provider's code.
    (re.compile(r"(/unsubscribe/)[A-Za-z0-9_:-]{20,}"), rf"\1…{REDACTED}"),
    (re.compile(r"(invite_)[A-Za-z0-9_-]{20,}"), rf"\1…{REDACTED}"),
    (re.compile(r"(password/reset/key/[0-9A-Za-z]+-)[^/\s'\"]+"), rf"\1{REDACTED}"),
    (re.compile(r"([?&]code=)[^&\s'\"]+"), rf"\1{REDACTED}"),
    # The password in a URL.
    (re.compile(r"(?i)(?<=[a-z0-9+]://)([^\s/:@]*:)[^\s/@]+(?=@)"), rf"\1{REDACTED}"),
]
_SECRET_NAMES = re.compile(
    r"(?i)^(?:authorization|cookie|set-cookie|api_?key|secret\w*|encryption_keys?|__client)$|password|token$"
)


def redact_text(text: str) -> str:
    """Return ``text`` with all secrets replaced; an API key keeps its first ten characters."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_beginning(text: str, limit: int = LONGEST_VALUE, *, unread: int = 0) -> str:
    """Return the first ``limit`` characters of ``text`` without secrets, and the number of further characters.

    ``unread`` is the number of characters that the caller cut off after ``text``. If there are any, ``text`` must reach
    ``BEYOND`` characters past ``limit``.
    """
    seen = redact_text(text[: limit + BEYOND])
    if len(text) <= limit:
        return seen
    # Shows nothing of a secret that the end of the scanned text cuts through.
    kept = seen[: limit if len(text) + unread <= limit + BEYOND else min(limit, max(0, len(seen) - BEYOND))]
    return f"{kept}… [{len(text) - limit + unread:,} more characters]"


def redact_lines(text: str) -> str:
    """Return the first and last lines of a traceback, without secrets, each cut to LONGEST_VALUE."""
    lines = text.split("\n")
    if len(lines) > 2 * MOST_LINES:
        left_out = f"… [{len(lines) - 2 * MOST_LINES:,} more lines]"
        lines = [*lines[:MOST_LINES], left_out, *lines[-MOST_LINES:]]
    return "\n".join(map(redact_beginning, lines))


def redact(value: object) -> Any:
    """Return a copy of ``value`` without secrets, at any depth of mappings and sequences.

    Strings are cut to LONGEST_VALUE characters; after LONGEST_EVENT characters, further values are left out.
    """
    return _Event().copy(value)


class _Event:
    """Copies one logged event and tracks how many characters are left for it."""

    def __init__(self) -> None:
        self.left = LONGEST_EVENT

    def copy(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return self._text(value[: LONGEST_VALUE + 2 * BEYOND].decode(errors="replace"))
        self.left -= _OF_ANY_VALUE
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        shown = repr(value)
        cleaned = self._text(shown)
        return value if cleaned == shown else cleaned

    def _text(self, text: str) -> str:
        shown = redact_beginning(text)
        self.left -= len(shown)
        return shown

    def _mapping(self, value: Mapping[object, object]) -> dict[object, object]:
        copy: dict[object, object] = {}
        for name, item in value.items():
            if self.left <= 0:
                return copy | {"…": f"{len(value) - len(copy):,} more values"}
            copy[self.copy(name)] = self._named(name, item)
        return copy

    def _items(self, value: list[object] | tuple[object, ...] | set[object] | frozenset[object]) -> list[object]:
        copy: list[object] = []
        for item in value:
            if self.left <= 0:
                return [*copy, f"… [{len(value) - len(copy):,} more values]"]
            copy.append(self.copy(item))
        return copy

    def _named(self, name: object, item: object) -> object:
        if isinstance(name, str) and isinstance(item, str | bytes) and _SECRET_NAMES.search(name[:LONGEST_VALUE]):
            is_key = isinstance(item, str) and item.startswith(KEY_PREFIXES)
            return self.copy(item) if is_key else REDACTED
        return self.copy(item)
