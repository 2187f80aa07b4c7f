"""Secrets out of text and structured values, before they are written anywhere.

The shapes come from the Cleanlist API reference (``clapi_`` and ``clext_``), RFC 7519 (session tokens),
Clerk's front-end API (the ``__client`` cookie) and the Fernet specification (what we keep encrypted).
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
KEPT_CHARACTERS = 10  # of an API key: its public prefix, which lists show as well

_AUTHORIZATION = r"(?i)(\bauthorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(?:bearer|basic|token)\s+)?[^\s'\",;)]+"
_NAMED = r"(?i)(\b(?:csrfmiddlewaretoken|sessionid|\w*password\w*|client_token)['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;)}]+"

_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    # Keys: the first ten characters stay, so that a log line still tells which key it was.
    (re.compile(r"(cl(?:api|ext)_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"), rf"\1…{REDACTED}"),
    # Session tokens.
    (re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
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
    (re.compile(r"(?i)(\b[a-z][a-z0-9+]*://[^\s/:@]*:)[^\s/@]+(@)"), rf"\1{REDACTED}\2"),
]
_SECRET_NAMES = re.compile(
    r"(?i)^(authorization|cookie|set-cookie|api_?key|secret\w*|\w*password\w*|\w*token|encryption_keys?|__client)$"
)


def redact_text(text: str) -> str:
    """Return ``text`` with every secret in it replaced; an API key keeps its first ten characters."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any) -> Any:
    """Return a copy of ``value`` without secrets, however deep they are in mappings and sequences."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {redact(name): _redact_named(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(repr(value)) if _is_secret(repr(value)) else value


def _is_secret(text: str) -> bool:
    return redact_text(text) != text


def _redact_named(name: Any, item: Any) -> Any:
    if isinstance(name, str) and isinstance(item, str | bytes) and _SECRET_NAMES.match(name):
        if isinstance(item, str) and item.startswith(("clapi_", "clext_")):
            return redact_text(item)
        return REDACTED
    return redact(item)
