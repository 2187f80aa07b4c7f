"""Tells what a body is that the API can't read, or reads as something else: another format, or the right one wrapped.

Where it is sure what was meant, it has the body as it should be.
"""

import ast
import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from troubleshooting.pasted.code_tokens import NotLiteralError, tokens_of, value_at

CONTACT_FIELDS = ("linkedin_url", "first_name", "last_name", "company_domain", "company_name", "email")
_WRAPPERS = ("data", "json", "body", "payload", "request", "params")
_CURLY = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'"}
)
_BLANKS = str.maketrans({"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " ", "\u200b": None, "\ufeff": None})
_FORM_KEY = re.compile(r"contacts(?:\[\d*\])?(?:\[\w+\]|\.\w+)?|enrichment_type|webhook_url")
_FORM_CONTACT = re.compile(r"contacts\[(\d*)\](?:\[(\w+)\]|\.(\w+))")
_PARSED_MOST = 200_000  # characters of what is no JSON
_HEADERS = {
    "linkedin": "linkedin_url", "linkedinurl": "linkedin_url", "profileurl": "linkedin_url", "firstname": "first_name",
    "lastname": "last_name", "companydomain": "company_domain", "domain": "company_domain", "website": "company_domain",
    "company": "company_name", "companyname": "company_name", "email": "email", "emailaddress": "email",
}  # fmt: skip


@dataclass(frozen=True)
class WrongForm:
    """What a body is, what to do about it, and the body as it should be; empty where nobody can tell."""

    name: str
    message: str
    fix: str
    repaired: str = ""

    @property
    def is_close(self) -> bool:
        """Return whether it is nearly JSON, so that the place where the parser gave up helps."""
        return self.name in {"python", "javascript", "curly", "blanks", "undefined"}


def find_wrong_form(text: str) -> WrongForm | None:
    """Return what is wrong with the form of ``text`` as a body; None where it is right or unknown."""
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return _not_json(text) if len(text) <= _PARSED_MOST else None
    return _other_json(value)


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _is_contact(value: object) -> bool:
    return isinstance(value, dict) and bool(value.keys() & set(CONTACT_FIELDS))


def _are_contacts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_contact, value))


def _other_json(value: object) -> WrongForm | None:
    if isinstance(value, str):
        return _stringified(value)
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, dict):
        return None
    if "contacts" in value:
        return _odd_contacts(value)
    return _wrapped(value) or _single(value)


def _wrapped(value: dict[str, object]) -> WrongForm | None:
    for name in _WRAPPERS:
        inner = value.get(name)
        if (isinstance(inner, dict) and "contacts" in inner) or _are_contacts(inner):
            whole = inner if isinstance(inner, dict) else {"contacts": inner}
            message = f"The request is wrapped: it's the value of “{name}”."
            fix = f"Send only the value of “{name}”, with contacts at the top."
            return WrongForm("wrapped", message, fix, _dumped(whole))
    return None


def _single(value: dict[str, object]) -> WrongForm | None:
    if _is_contact(value):
        fix = 'Put it into contacts, an array: {"contacts": [{…}]}'
        return WrongForm("contact", "The body is a single contact.", fix, _dumped({"contacts": [value]}))
    return None


def _stringified(text: str) -> WrongForm | None:
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(inner, dict | list):
        return None
    fix = "Convert it to JSON once. Clients do so themselves: pass json=body (requests) or data: body (axios)."
    deeper = _other_json(inner)
    repaired = deeper.repaired if deeper else _dumped(inner)
    return WrongForm(
        "stringified", "The body was converted to JSON twice: it's JSON inside a JSON string.", fix, repaired
    )


def _list(value: list[object]) -> WrongForm | None:
    items = [item.get("json") for item in value if isinstance(item, dict)]
    if items and len(items) == len(value) and all(isinstance(item, dict) for item in items):
        fix = "In the HTTP node's JSON body, use an expression that builds one object, for example "
        fix += "{{ JSON.stringify({contacts: $input.all().map(i => i.json)}) }}"
        inner = (
            items[0]
            if len(items) == 1 and isinstance(items[0], dict) and "contacts" in items[0]
            else {"contacts": items}
        )
        return WrongForm("items", "These are n8n items: each contact is wrapped in “json”.", fix, _dumped(inner))
    if _are_contacts(value):
        fix = 'Wrap it: {"enrichment_type": "partial", "contacts": […]}'
        return WrongForm("list", "The body is an array; it must be an object.", fix, _dumped({"contacts": value}))
    return None


def _odd_contacts(body: dict[str, object]) -> WrongForm | None:
    contacts = body["contacts"]
    if isinstance(contacts, str):
        try:
            inner = json.loads(contacts)
        except (ValueError, RecursionError):
            return None
        if isinstance(inner, list | dict):
            listed = inner if isinstance(inner, list) else [inner]
            message = "contacts is JSON text; it must be an array."
            fix = "Don't convert contacts to JSON by itself: put the array into the body, then convert the body once."
            return WrongForm("contacts_text", message, fix, _dumped(body | {"contacts": listed}))
    if isinstance(contacts, dict) and contacts:
        if all(name.isdecimal() for name in contacts):
            message = (
                "contacts is an object with numbers as names, as PHP writes an array with gaps; it must be an array."
            )
            fix = "Use array_values($contacts) before json_encode."
            return WrongForm("php", message, fix, _dumped(body | {"contacts": list(contacts.values())}))
        if _is_contact(contacts):
            fix = "Put the contacts in square brackets, even if there's only one."
            message = "contacts is an object; it must be an array."
            return WrongForm("one_contact", message, fix, _dumped(body | {"contacts": [contacts]}))
    return None


def _not_json(text: str) -> WrongForm | None:
    clean = text.strip("\ufeff \t\r\n")
    readers: tuple[Callable[[str], WrongForm | None], ...] = (
        _lines, _invisible_blanks, _curly_quotes, _python, _javascript, _form, _table,
    )  # fmt: skip
    found = (reader(clean) for reader in readers)
    return next((form for form in found if form is not None), None)


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _as_request(value: object) -> str:
    """Return ``value`` as a body if it is one, or contacts; empty otherwise."""
    if isinstance(value, dict) and "contacts" in value:
        return _dumped(value)
    return _dumped({"contacts": value}) if _are_contacts(value) else ""


def _lines(text: str) -> WrongForm | None:
    lines = [line for line in text.splitlines() if line.strip()]
    values = [_loads(line) for line in lines]
    if len(lines) < 2 or not all(isinstance(value, dict) for value in values):
        return None
    fix = "Send one object per request, with all contacts in the array contacts."
    return WrongForm("lines", "These are JSON Lines: several objects, one a line.", fix, _as_request(values))


def _invisible_blanks(text: str) -> WrongForm | None:
    value = _loads(text.translate(_BLANKS))
    if value is None:
        return None
    message = "There are non-breaking or invisible spaces between the values, as web pages and documents have them."
    return WrongForm("blanks", message, "Replace them with ordinary spaces.", _as_request(value))


def _curly_quotes(text: str) -> WrongForm | None:
    value = _loads(text.translate(_CURLY).translate(_BLANKS))
    if value is None or text.translate(_CURLY) == text:
        return None
    fix = "Replace curly quotes with straight double quotes."
    return WrongForm("curly", "The quotes are curly, as word processors write them.", fix, _as_request(value))


def _python(text: str) -> WrongForm | None:
    if not text.startswith(("{'", "[{'", '{"', '[{"', "{ '", "{\n")) or len(text) > _PARSED_MOST // 4:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    if not isinstance(value, dict | list):
        return None
    fix = "Send it with json=body (requests, httpx), or convert it with json.dumps(body); str(body) isn't JSON."
    return WrongForm("python", "This is a Python dict, not JSON.", fix, _safely(value))


def _safely(value: object) -> str:
    try:
        return _as_request(value)
    except (TypeError, ValueError, RecursionError):
        return ""


def _javascript(text: str) -> WrongForm | None:
    """Recognize an object with bare names, trailing commas, comments, ``undefined`` or ``NaN``."""
    if not text.startswith(("{", "[")):
        return None
    tokens = tokens_of(text)
    try:
        value, end = value_at(tokens, 0)
    except (NotLiteralError, RecursionError):
        return None
    if end != len(tokens) or not _as_request(value):
        return None
    if "undefined" in text:
        fix = "Omit the field or write null: JSON has no undefined."
        return WrongForm("undefined", "There is an undefined in it, which JSON doesn't have.", fix, _as_request(value))
    fix = "Put names and texts in double quotes, without comments or trailing commas; JSON.stringify(body) does so."
    return WrongForm("javascript", "This is a JavaScript object (JSON5), not JSON.", fix, _as_request(value))


def _form(text: str) -> WrongForm | None:
    if "\n" in text.strip() or "=" not in text:
        return None
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=5000) if text.count("&") < 5000 else []
    if not pairs or not any(_FORM_KEY.fullmatch(name) for name, _ in pairs):
        return None
    contacts: dict[str, dict[str, str]] = {}
    for name, value in pairs:
        if found := _FORM_CONTACT.fullmatch(name):
            contacts.setdefault(found[1], {})[found[2] or found[3]] = value
    whole: dict[str, object] = {name: value for name, value in pairs if name in {"enrichment_type", "webhook_url"}}
    fix = "Send JSON with the header Content-Type: application/json; in requests, use json= instead of data=."
    repaired = _as_request(whole | {"contacts": list(contacts.values())}) if contacts else ""
    return WrongForm("form", "This is form data, not JSON.", fix, repaired)


def _table(text: str) -> WrongForm | None:
    head = text.partition("\n")[0]
    sign = max(",;\t", key=head.count)
    names = [_HEADERS.get(re.sub(r"[^a-z]", "", name.lower()), name.strip()) for name in head.split(sign)]
    if len(set(names) & set(CONTACT_FIELDS)) < 2 or "\n" not in text:
        return None
    contacts = list(_rows(text, sign, names))
    fix = "Convert each row to a contact: an object with the columns' names. The API doesn't read CSV."
    return WrongForm("table", "This is a table (CSV), not JSON.", fix, _as_request(contacts))


def _rows(text: str, sign: str, names: list[str]) -> Iterator[dict[str, str]]:
    try:
        for row in list(csv.reader(text.splitlines()[1:], delimiter=sign)):
            contact = {name: value for name, value in zip(names, row, strict=False) if value and name in CONTACT_FIELDS}
            if contact:
                yield contact
    except csv.Error:
        return
