"""Removes secrets, and personal data unless it may stay, from text that leaves the company.

The same value gets the same mark throughout a bundle (``[email 1]``), so that support can still tell who is who. A
request body keeps its shape, without the people in it.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from cleanlist.models import JsonObject
from cleanlist.pricing import MAX_CONTACTS
from cleanlist.secret_formats import KEY_START
from core.redaction import REDACTED, redact_text
from core.sanitize import sanitize_text
from troubleshooting.body.form import CONTACT_FIELDS
from troubleshooting.body.remarks import is_profile
from troubleshooting.body.validation import BODY_FIELDS

# What may be left in, by the word for it.
KINDS = {"emails": "email", "phones": "phone", "names": "name", "addresses": "IP address"}
SHORTEST_SECRET = 8  # a shorter one is part of too many words

_AT = r"(?:@|%40|\\u0040|&#64;|\uff20)"
# Each begins where a word does, so that a long text without any takes no longer than its length.
_EMAIL = re.compile(rf"(?i)(?<![\w.+'-])[\w.+'-]+{_AT}[\w-]+(?:\.[\w-]+)*")
_PHONE = re.compile(r"(?<![\w-])\+?\(?\d[\d ().\u2010-\u2015/-]{5,22}\d(?![\w-])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\b")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f:.]{0,19}(?![\w:])")
_WORD = re.compile(r"\w+")
_URL = re.compile(r"(?i)\bhttps?://[^\s\"'<>\\]+")
# Passwords and tokens that are called so, whatever they look like: a name with its value, and what is in such a name.
_NAMED_VALUE = re.compile(rf"(?<![\w-])([\w-]+)([\"']?\s*[:=]\s*[\"']?)(?!{KEY_START})[^\s\"',;&<>]{{4,}}")
_SECRET_NAME = re.compile(r"(?i)secret|token|passwd|passphrase|api[_-]?key|credential|private[_-]?key")
# Long and mixed as only generated text is: capitals, small letters and digits, or a long digest. Ids have no capitals.
_GENERATED = re.compile(
    r"(?<![\w+/=-])(?:(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*\d)[\w+/=-]{24,}|[0-9a-fA-F]{48,})(?![\w+/=-])"
)
_KEY = re.compile(KEY_START)
MOST_CONTACTS = 3
MOST_FIELDS = 20
MOST_TEXT = 3000


class Redactor:
    """Makes text fit to leave. ``secrets`` and ``names`` are known ones, which need no shape to be recognized by."""

    def __init__(self, kept: Collection[str], secrets: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self.kept = kept
        self.counts: dict[str, int] = {}
        self._marks: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        long_enough = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        self._secrets = sorted(long_enough, key=lambda secret: (-len(secret), secret))
        full = {" ".join(name.split()) for name in names}
        longest_first = sorted((name for name in full if " " in name), key=lambda name: (-len(name), name))
        self._full_names = {name: _whole(name) for name in longest_first}
        # A word counts as it is written, or in capitals: "will" is nobody.
        words = {word for name in full for word in name.split() if len(word) > 2}
        self._name_words = words | {word.upper() for word in words}

    def text(self, value: str, limit: int = 4000) -> str:
        """Return ``value`` without what must not leave, cut to ``limit`` characters; its line breaks stay."""
        text = _URL.sub(lambda found: self.url(found[0]), _visible(_beginning(value, limit + 2000)))
        text = self._without_secrets(text)
        for kind, pattern, is_one in (
            ("emails", _EMAIL, None),
            ("addresses", _IPV4, _is_address),
            ("addresses", _IPV6, _is_address),
            ("phones", _PHONE, _is_phone),
            ("names", _WORD, self._name_words.__contains__),
        ):
            text = self._sub(kind, pattern, self._without_full_names(text) if kind == "names" else text, is_one)
        return text if len(text) <= limit else text[:limit] + "…"

    def line(self, value: object, limit: int = 300) -> str:
        """Return ``value`` as one line."""
        return " ".join(self.text("" if value is None else str(value), limit).split())

    def url(self, url: str) -> str:
        """Return where ``url`` leads: queries, user names and generated parts of a path are often secrets."""
        text = _visible(url)
        try:
            parts = urlsplit(text)
            host = parts.netloc.rpartition("@")[2]
            place = SplitResult(parts.scheme, host, self._path(parts.path, host), "", "")
        except ValueError:
            return self._count("secret", REDACTED)
        without = urlunsplit(place)
        return f"{without}?{self._count('secret', REDACTED)}" if parts.query or parts.fragment else without

    def mark(self, kind: str, value: str) -> str:
        """Return ``value`` or, where its kind must not leave, the mark that stands for it."""
        if not value or kind in self.kept:
            return value
        marks = self._marks[kind]
        mark = marks.setdefault(value.casefold(), f"[{KINDS[kind]} {len(marks) + 1}]")
        return self._count(KINDS[kind], mark)

    def _path(self, path: str, host: str) -> str:
        """Return a path without generated parts and, on LinkedIn, without the person."""
        if host.lower().endswith("linkedin.com") and path.strip("/"):
            return "/" + self.mark("names", path.strip("/"))
        parts = [self._count("secret", REDACTED) if _is_generated(part) else part for part in path.split("/")]
        return "/".join(parts)

    def _without_secrets(self, text: str) -> str:
        before = text.count(REDACTED)
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        text = redact_text(text)
        text = _NAMED_VALUE.sub(_without_value, text)
        text = _GENERATED.sub(lambda found: found[0] if _KEY.match(found[0]) else REDACTED, text)
        self.counts["secret"] = self.counts.get("secret", 0) + text.count(REDACTED) - before
        return text

    def _without_full_names(self, text: str) -> str:
        folded = text.casefold()
        for name, pattern in self._full_names.items():
            if name.casefold() in folded:
                text = self._sub("names", pattern, text, None)
        return text

    def _sub(self, kind: str, pattern: re.Pattern[str], text: str, is_one: Callable[[str], bool] | None) -> str:
        def replace(found: re.Match[str]) -> str:
            return self.mark(kind, found[0]) if is_one is None or is_one(found[0]) else found[0]

        return text if kind in self.kept else pattern.sub(replace, text)

    def _count(self, word: str, mark: str) -> str:
        self.counts[word] = self.counts.get(word, 0) + 1
        return mark


def _beginning(text: str, limit: int) -> str:
    """Return what fits, without the word that would be cut: half a secret is one that nothing recognizes."""
    if len(text) <= limit:
        return text
    return text[: next((end for end in range(limit, 0, -1) if text[end - 1].isspace()), 0)]


def _whole(name: str) -> re.Pattern[str]:
    """Return what finds a name where it stands for itself. It has no repetition, so it is linear whatever the name."""
    return re.compile(rf"(?i)(?<!\w){re.escape(name)}(?!\w)")


def _without_value(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{REDACTED}" if _SECRET_NAME.search(found[1]) else found[0]


def _visible(text: str) -> str:
    """Return ``text`` without characters that nobody sees: they hide a secret from what looks for it."""
    plain = sanitize_text(text.replace("\r\n", "\n"), len(text))
    return "".join(char for char in plain if unicodedata.category(char) not in {"Cf", "Zl", "Zp", "Co", "Cn"})


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return 7 <= sum(char.isdigit() for char in text) <= 15 and not _DATE.search(text) and not _is_address(text)


def _is_generated(segment: str) -> bool:
    """Return whether a part of a path looks like a token: long, and of letters and digits."""
    return len(segment) >= 20 and any(char.isdigit() for char in segment) and any(char.isalpha() for char in segment)


def mask_body(text: str, redactor: Redactor) -> str:
    """Return ``text`` as a sample body; empty where there is none."""
    if not text.strip():
        return ""
    body = _decoded(text)
    if isinstance(body, dict):
        return json.dumps(_masked_body(body, redactor), indent=2, ensure_ascii=False)
    return redactor.text(text, MOST_TEXT)


def find_names(text: str) -> list[str]:
    """Return the people's names in a body, so that they can be found elsewhere too."""
    body = _decoded(text)
    contacts = body.get("contacts") if isinstance(body, dict) else None
    listed = [each for each in contacts if isinstance(each, dict)][:MAX_CONTACTS] if isinstance(contacts, list) else []
    found = (" ".join(_words(each)) for each in listed)
    return [name for name in found if name.strip()]


def _words(contact: dict[str, object]) -> list[str]:
    values = (contact.get(name) for name in ("first_name", "last_name"))
    return [value[:60] for value in values if isinstance(value, str)]


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _masked_body(body: dict[str, object], redactor: Redactor) -> JsonObject:
    masked: JsonObject = {}
    for name in list(body)[:MOST_FIELDS]:
        value = body[name]
        if name == "contacts" and isinstance(value, list):
            masked[name] = [_masked_contact(each, redactor) for each in value[:MOST_CONTACTS]]
            if len(value) > MOST_CONTACTS:
                masked[name].append(f"[and {len(value) - MOST_CONTACTS:,} more contacts]")
        elif name == "enrichment_type" and isinstance(value, str):
            masked[name] = redactor.line(value, 60)
        elif name == "webhook_url" and isinstance(value, str):
            masked[name] = redactor.line(redactor.url(value))
        else:
            masked[_name(name, BODY_FIELDS, redactor)] = _masked(value, redactor)
    return masked


def _masked_contact(contact: object, redactor: Redactor) -> object:
    if not isinstance(contact, dict):
        return _masked(contact, redactor)
    return {
        _name(name, CONTACT_FIELDS, redactor): _masked(contact[name], redactor) for name in list(contact)[:MOST_FIELDS]
    }


def _name(name: str, known: tuple[str, ...], redactor: Redactor) -> str:
    return name if name in known else redactor.line(name, 60)


def _masked(value: object, redactor: Redactor) -> object:
    """Return what kind of value it is: that one is empty or of another kind is often what is wrong."""
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, str):
        if "names" in redactor.kept:
            return redactor.line(value)
        return "[a LinkedIn address]" if is_profile(value) else f"[text, {len(value):,} characters]"
    if isinstance(value, list):
        return f"[array of {len(value):,}]"
    return "[object]" if isinstance(value, dict) else "[number]"
