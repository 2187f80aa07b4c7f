"""What somebody searches for, recognized by its form, so that only the tables that can hold it are queried."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from string import digits
from urllib.parse import urlsplit

from core.redaction import redact_text
from core.sanitize import sanitize_text

LONGEST = 200  # characters; no id and no name in the mirror is longer
# How much of a longer text is checked for secrets.
_MOST_CHECKED = 10_000
_METHOD = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) +(?=/|https?://)", re.IGNORECASE)
# Either may have a port or be a network. Who uses it validates it.
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{0,3}){1,3}(?:[:/][0-9]{1,5})?")  # or its beginning
_IPV6 = re.compile(r"\[?[0-9A-Fa-f:.]{3,45}\S{0,70}")
_ID = re.compile(r"[\w.:#=-]{6,200}")


class Kind(Enum):
    """What a text can be. One text can be several kinds: an id may also be somebody's name for a key."""

    WORDS = auto()
    ID = auto()
    ADDRESS = auto()
    PATH = auto()


@dataclass(frozen=True)
class Query:
    """A text without surrounding spaces and quotes, and the kinds of thing it can be; none if it is empty."""

    text: str
    kinds: frozenset[Kind]


def parse_query(raw: str) -> Query:
    """Return what ``raw`` searches for. Of a URL it is the path, and of "POST /path" too."""
    text = sanitize_text(raw, LONGEST).strip().strip("\"'`").strip()
    if not text:
        return Query("", frozenset())
    method = _METHOD.match(text)
    address = text[method.end() :] if method else text
    if address.startswith(("http://", "https://")):
        address = _path_of(address)
    if address.startswith("/"):
        return Query(address, frozenset({Kind.PATH}))
    if _is_address(text):
        return Query(text, frozenset({Kind.ADDRESS, Kind.WORDS}))
    return Query(text, frozenset({Kind.WORDS, Kind.ID} if _is_id(text) else {Kind.WORDS}))


def looks_secret(raw: str) -> bool:
    """Return whether ``raw`` contains what looks like an API key, a token or a password.

    The public beginning of a key, its first ten characters, does not.
    """
    text = raw[:_MOST_CHECKED]
    return redact_text(text) != text


def _is_address(text: str) -> bool:
    return bool(_IPV4.fullmatch(text) or (text.count(":") > 1 and _IPV6.fullmatch(text)))


def _is_id(text: str) -> bool:
    """Return whether ``text`` is one word and not all letters: an id of a request, a workflow or a delivery."""
    return bool(_ID.fullmatch(text)) and any(character in digits + "_-" for character in text)


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return url
