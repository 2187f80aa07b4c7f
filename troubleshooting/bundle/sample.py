"""A request body as support needs it: its shape, without the people in it."""

import json
from typing import Any

from cleanlist.pricing import MAX_CONTACTS
from troubleshooting.body.validation import BODY_FIELDS, CONTACT_FIELDS, is_profile
from troubleshooting.bundle.redactor import Redactor

MOST_CONTACTS = 3
MOST_FIELDS = 20
MOST_TEXT = 3000


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


def _masked_body(body: dict[str, object], redactor: Redactor) -> dict[str, Any]:
    masked: dict[str, Any] = {}
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
