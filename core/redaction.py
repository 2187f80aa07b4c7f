"""Secrets out of text and structured values, before they are written anywhere.

The shapes come from the Cleanlist API reference (``clapi_`` and ``clext_``), RFC 7519 (session tokens),
Clerk's front-end API (the ``__client`` cookie) and the Fernet specification (what we keep encrypted).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

REDACTED = "[redacted]"
KEPT_CHARACTERS = 10  # of an API key: its public prefix, which lists show as well
# Of what is logged: one value, all values of one line, and the lines of a traceback at either end.
LONGEST_VALUE, LONGEST_EVENT, MOST_LINES = 2_000, 20_000, 100
# Read beyond a cut, so that no secret is cut in two before it is recognized.
BEYOND = 2_000
_OF_ANY_VALUE = 8  # characters, about what a number with its comma takes

# A pattern that runs on from each of many beginnings takes time by the square of the text's length. So what may be
# long either has no second beginning inside of it, or is taken as a whole even where it is left as it is.
_AUTHORIZATION = r"(?i)(\bauthorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(?:bearer|basic|token)\s+)?[^\s'\",;)]+"
_NAMED = (
    r"(?i)((?:\b(?:csrfmiddlewaretoken|sessionid|client_token)|password(?:(?!password)\w)*)['\"]?\s*[=:]\s*['\"]?)"
    r"[^\s'\"&,;)}]+"
)


def _token_with_dot(found: re.Match[str]) -> str:
    return REDACTED if found[1] else found[0]


_PATTERNS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    # Keys: the first ten characters stay, so that a log line still tells which key it was.
    (re.compile(r"(cl(?:api|ext)_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"), rf"\1…{REDACTED}"),
    # Session tokens, also where the signature was cut off.
    (re.compile(r"eyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)?"), _token_with_dot),
    # What we sealed: version byte 0x80 and a time before 2106 always encode to this start.
    (re.compile(r"gAAAAA[A-Za-z0-9_=-]{20,}"), REDACTED),
    (re.compile(r"(__client(?:_uat)?=)[^;,\s'\"]+"), rf"\1{REDACTED}"),
    (re.compile(_AUTHORIZATION), rf"\1{REDACTED}"),
    (re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{REDACTED}"),
    (re.compile(_NAMED), rf"\1{REDACTED}"),
    # What proves an address: links of invitations and of password resets; and an identity provider's code.
    (re.compile(r"(/unsubscribe/)[A-Za-z0-9_:-]{20,}"), rf"\1…{REDACTED}"),
    (re.compile(r"(invite_)[A-Za-z0-9_-]{20,}"), rf"\1…{REDACTED}"),
    (re.compile(r"(password/reset/key/[0-9A-Za-z]+-)[^/\s'\"]+"), rf"\1{REDACTED}"),
    (re.compile(r"([?&]code=)[^&\s'\"]+"), rf"\1{REDACTED}"),
    # The password inside an address.
    (re.compile(r"(?i)(?<=[a-z0-9+]://)([^\s/:@]*:)[^\s/@]+(?=@)"), rf"\1{REDACTED}"),
]
_SECRET_NAMES = re.compile(
    r"(?i)^(?:authorization|cookie|set-cookie|api_?key|secret\w*|encryption_keys?|__client)$|password|token$"
)


def redact_text(text: str) -> str:
    """Return ``text`` with every secret in it replaced; an API key keeps its first ten characters."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_beginning(text: str, limit: int = LONGEST_VALUE, *, unread: int = 0) -> str:
    """Return the first ``limit`` characters of ``text`` without secrets, and how many more there were.

    ``unread`` are characters that followed and were not kept; then ``text`` must reach ``BEYOND`` past ``limit``.
    """
    seen = redact_text(text[: limit + BEYOND])
    if len(text) <= limit:
        return seen
    # Of a secret that the second cut goes through nothing is shown.
    kept = seen[: limit if len(text) + unread <= limit + BEYOND else min(limit, max(0, len(seen) - BEYOND))]
    return f"{kept}… [{len(text) - limit + unread:,} more characters]"


def redact_lines(text: str) -> str:
    """Return a traceback without secrets: its first and last lines, each of them cut."""
    lines = text.split("\n")
    if len(lines) > 2 * MOST_LINES:
        left_out = f"… [{len(lines) - 2 * MOST_LINES:,} more lines]"
        lines = [*lines[:MOST_LINES], left_out, *lines[-MOST_LINES:]]
    return "\n".join(map(redact_beginning, lines))


def redact(value: Any) -> Any:
    """Return a copy of ``value`` without secrets, however deep they are in mappings and sequences.

    A text is cut to LONGEST_VALUE characters; once there are LONGEST_EVENT, the values that follow are left out.
    """
    return _Event().copy(value)


class _Event:
    """What is logged at once; it knows how much more of it may be written."""

    def __init__(self) -> None:
        self.left = LONGEST_EVENT

    def copy(self, value: Any) -> Any:
        """Return ``value`` without secrets and not too long."""
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

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        copy: dict[Any, Any] = {}
        for name, item in value.items():
            if self.left <= 0:
                return copy | {"…": f"{len(value) - len(copy):,} more values"}
            copy[self.copy(name)] = self._named(name, item)
        return copy

    def _items(self, value: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]) -> list[Any]:
        copy: list[Any] = []
        for item in value:
            if self.left <= 0:
                return [*copy, f"… [{len(value) - len(copy):,} more values]"]
            copy.append(self.copy(item))
        return copy

    def _named(self, name: Any, item: Any) -> Any:
        if isinstance(name, str) and isinstance(item, str | bytes) and _SECRET_NAMES.search(name[:LONGEST_VALUE]):
            is_key = isinstance(item, str) and item.startswith(("clapi_", "clext_"))
            return self.copy(item) if is_key else REDACTED
        return self.copy(item)
