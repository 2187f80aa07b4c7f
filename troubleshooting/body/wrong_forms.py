"""Tells what a body is that the API can't read, or reads as something else: another format, or the right one wrapped.

Where it is sure what was meant, it has the body as it should be.
"""

import ast
import csv
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

from troubleshooting.body import other_formats
from troubleshooting.body.form import (
    CONTACT_FIELDS,
    OTHER_NAMES,
    WrongForm,
    are_contacts,
    as_request,
    dumped,
    is_contact,
    loads,
    misnamed,
    other_list,
    plain_name,
)
from troubleshooting.body.remarks import ADVICE
from troubleshooting.pasted.code_tokens import NotLiteralError, tokens_of, value_at
from troubleshooting.pasted.request import is_template

_WRAPPERS = ("data", "json", "body", "payload", "request", "params")
_CURLY = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'"}
)
_BLANKS = str.maketrans({"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " ", "\u200b": None, "\ufeff": None})
_FENCED = re.compile(r"```\w*[ \t]*\r?\n(.*?)\r?\n[ \t]*```", re.DOTALL)
_COMMENTS = re.compile(r"(?:\s*(?://[^\n]*\n|/\*[^*]*\*/))*+\s*")
_FORM_KEY = re.compile(r"contacts(?:\[\d*\])?(?:\[[\w -]+\]|\.[\w-]+)?|enrichment_type|webhook_url")
_FORM_CONTACT = re.compile(r"contacts\[(\d*)\](?:\[([\w -]+)\]|\.([\w-]+))")
_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*+[}\]])', re.DOTALL)
_MOST_TIMES = 9
_PARSED_MOST = 200_000  # characters of what is no JSON


def find_wrong_form(text: str) -> WrongForm | None:
    """Return what is wrong with the form of ``text`` as a body; None where it is right or unknown."""
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return _not_json(text) if len(text) <= _PARSED_MOST else None
    return _other_json(value)


def _other_json(value: object) -> WrongForm | None:
    if isinstance(value, str):
        return _stringified(value)
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, dict):
        return None
    if "contacts" in value:
        return _odd_contacts(value) or misnamed(value) or other_list(value)
    return _wrapped(value) or _single(value) or other_list(value)


def _wrapped(value: dict[str, object]) -> WrongForm | None:
    for name in _WRAPPERS:
        inner = value.get(name)
        inner = loads(inner) if isinstance(inner, str) else inner
        if (isinstance(inner, dict) and "contacts" in inner) or are_contacts(inner):
            whole = inner if isinstance(inner, dict) else {"contacts": inner}
            message = f"The request is wrapped: it's the value of “{name}”."
            fix = f"Send only the value of “{name}”, with contacts at the top."
            return WrongForm("wrapped", message, fix, dumped(whole))
    return None


def _single(value: dict[str, object]) -> WrongForm | None:
    if is_contact(value):
        fix = 'Put it into contacts, an array: {"contacts": [{…}]}'
        return WrongForm("contact", "The body is a single contact.", fix, dumped({"contacts": [value]}))
    return None


def _stringified(text: str) -> WrongForm | None:
    inner: object = text
    times = 1
    while isinstance(inner, str) and times <= _MOST_TIMES:
        inner, times = loads(inner), times + 1
    if not isinstance(inner, dict | list):
        return None
    fix = "Convert it to JSON once. Clients do so themselves: pass json=body (requests) or data: body (axios)."
    deeper = _other_json(inner)
    repaired = deeper.repaired if deeper else dumped(inner)
    count = {2: "twice", 3: "three times"}.get(times, f"{times} times")
    message = f"The body was converted to JSON {count}: it's JSON inside a JSON string."
    return WrongForm("stringified", message, fix, repaired)


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
        return WrongForm("items", "These are n8n items: each contact is wrapped in “json”.", fix, dumped(inner))
    if are_contacts(value):
        fix = 'Wrap it: {"enrichment_type": "partial", "contacts": […]}'
        return WrongForm("list", "The body is an array; it must be an object.", fix, dumped({"contacts": value}))
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
            return WrongForm("contacts_text", message, fix, dumped(body | {"contacts": listed}))
    if isinstance(contacts, dict) and contacts:
        if all(name.isdecimal() for name in contacts):
            message = (
                "contacts is an object with numbers as names, as PHP writes an array with gaps; it must be an array."
            )
            fix = "Use array_values($contacts) before json_encode."
            return WrongForm("php", message, fix, dumped(body | {"contacts": list(contacts.values())}))
        if is_contact(contacts):
            fix = "Put the contacts in square brackets, even if there's only one."
            message = "contacts is an object; it must be an array."
            return WrongForm("one_contact", message, fix, dumped(body | {"contacts": [contacts]}))
    return None


def _not_json(text: str) -> WrongForm | None:
    clean = text.strip("\ufeff \t\r\n")
    readers: tuple[Callable[[str], WrongForm | None], ...] = (
        _fenced, _template, _lines, _invisible_blanks, _curly_quotes, _comma, _assigned, _python,
        other_formats.php_or_ruby, _javascript, other_formats.printed, _multipart, _xml, other_formats.in_yaml, _form,
        _table,
    )  # fmt: skip
    found = (reader(clean) for reader in readers)
    return next((form for form in found if form is not None), None)


def _fenced(text: str) -> WrongForm | None:
    found = _FENCED.fullmatch(text)
    if found is None:
        return None
    inner = find_wrong_form(found[1])
    repaired = inner.repaired if inner else as_request(loads(found[1]))
    return WrongForm("fenced", "The body is in a Markdown code block.", "Remove the lines with ```.", repaired)


def _template(text: str) -> WrongForm | None:
    if not (text.startswith(("{", "[")) and is_template(text)):
        return None
    message = "This is a template, which is no JSON until it's filled in."
    return WrongForm("template", message, "Paste the rendered body: what the program or the tool sends.")


def _lines(text: str) -> WrongForm | None:
    lines = [line for line in text.splitlines() if line.strip()]
    values = [loads(line) for line in lines]
    if len(lines) < 2 or not all(isinstance(value, dict) for value in values):
        return None
    fix = "Send one object per request, with all contacts in the array contacts."
    return WrongForm("lines", "These are JSON Lines: several objects, one a line.", fix, as_request(values))


def _invisible_blanks(text: str) -> WrongForm | None:
    value = loads(text.translate(_BLANKS))
    if value is None:
        return None
    message = "There are non-breaking or invisible spaces between the values, as web pages and documents have them."
    return WrongForm("blanks", message, "Replace them with ordinary spaces.", as_request(value))


def _curly_quotes(text: str) -> WrongForm | None:
    value = loads(text.translate(_CURLY).translate(_BLANKS))
    if value is None or text.translate(_CURLY) == text:
        return None
    fix = "Replace curly quotes with straight double quotes."
    return WrongForm("curly", "The quotes are curly, as word processors write them.", fix, as_request(value))


def _comma(text: str) -> WrongForm | None:
    value = loads(_LAST_COMMA.sub(lambda found: found[1] or "", text))
    if value is None:
        return None
    fix = "Remove the comma before the closing bracket."
    return WrongForm("comma", "There is a comma after the last entry.", fix, as_request(value))


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
        return as_request(value)
    except (TypeError, ValueError, RecursionError):
        return ""


def _javascript(text: str) -> WrongForm | None:
    """Recognize an object with bare names, trailing commas, comments, ``undefined`` or ``NaN``."""
    start = _COMMENTS.match(text)
    text = text[start.end() if start else 0 :]
    if not text.startswith(("{", "[")):
        return None
    tokens = tokens_of(text)
    try:
        value, end = value_at(tokens, 0)
    except (NotLiteralError, RecursionError):
        return None
    if end != len(tokens) or not as_request(value):
        return None
    if "undefined" in text:
        fix = "Omit the field or write null: JSON has no undefined."
        return WrongForm("undefined", "There is an undefined in it, which JSON doesn't have.", fix, as_request(value))
    fix = "Put names and texts in double quotes, without comments or trailing commas; JSON.stringify(body) does so."
    return WrongForm("javascript", "This is a JavaScript object (JSON5), not JSON.", fix, as_request(value))


def _assigned(text: str) -> WrongForm | None:
    value = other_formats.assigned_value(text)
    repaired = as_request(loads(value)) if value else ""
    readers = (_python, other_formats.php_or_ruby, _javascript)
    found = (reader(value) for reader in readers) if value and not repaired else ()
    inner = next((form for form in found if form is not None), None)
    if not repaired and not (inner and inner.repaired):
        return None
    fix = "Send only the value, as JSON: JSON.stringify(body) in JavaScript, json=body in Python's requests."
    if inner is None:
        return WrongForm("assigned", "This is an assignment in a program, not JSON.", fix, repaired)
    message = f"This is an assignment in a program. {inner.message}"
    return WrongForm("assigned", message, inner.fix, inner.repaired)


def _xml(text: str) -> WrongForm | None:
    return other_formats.in_xml(text, OTHER_NAMES)


def _multipart(text: str) -> WrongForm | None:
    fields, file, is_any = other_formats.in_multipart(text)
    if not is_any:
        return None
    of_file = find_wrong_form(file) if file else None
    repaired = (of_file.repaired if of_file else as_request(loads(file))) if file else ""
    repaired = repaired or as_request(other_formats.request_in(fields)) or _from_pairs(fields)
    fix = "Send JSON with the header Content-Type: application/json, not a form or a file (FormData, curl -F, files=)."
    return WrongForm("multipart", "This is multipart form data, not JSON.", fix, repaired)


def _form(text: str) -> WrongForm | None:
    if "\n" in text.strip() or "=" not in text:
        return None
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=5000) if text.count("&") < 5000 else []
    if not pairs or not any(_FORM_KEY.fullmatch(name) for name, _ in pairs):
        return None
    fix = "Send JSON with the header Content-Type: application/json; in requests, use json= instead of data=."
    return WrongForm("form", "This is form data, not JSON.", fix, _from_pairs(pairs))


def _from_pairs(pairs: list[tuple[str, str]]) -> str:
    """Return the body that the fields of a form are, as PHP names them; empty where they have no contacts."""
    contacts: dict[str, dict[str, str]] = {}
    for name, value in pairs:
        if found := _FORM_CONTACT.fullmatch(name):
            contacts.setdefault(found[1], {})[found[2] or found[3]] = value
    whole: dict[str, object] = {name: value for name, value in pairs if name in {"enrichment_type", "webhook_url"}}
    return as_request(whole | {"contacts": list(contacts.values())}) if contacts else ""


def _table(text: str) -> WrongForm | None:
    head = text.partition("\n")[0]
    sign = max(",;\t", key=head.count)
    names = [OTHER_NAMES.get(plain_name(name), name.strip()) for name in head.split(sign)]
    known = [name for name in names if name in CONTACT_FIELDS or plain_name(name) in ADVICE]
    if len(set(known)) < 2 or "\n" not in text:
        return None
    contacts = list(_rows(text, sign, names))
    fix = "Convert each row to a contact: an object with the columns' names. The API doesn't read CSV."
    return WrongForm("table", "This is a table (CSV), not JSON.", fix, as_request(contacts))


def _rows(text: str, sign: str, names: list[str]) -> Iterator[dict[str, str]]:
    try:
        for row in list(csv.reader(text.splitlines()[1:], delimiter=sign)):
            contact = {name: value for name, value in zip(names, row, strict=False) if value and name}
            if contact:
                yield contact
    except csv.Error:
        return
