"""What a body of the wrong form is, and what the readers of such forms share."""

import json
import re
from dataclasses import dataclass

from troubleshooting.body.remarks import is_profile

CONTACT_FIELDS = ("linkedin_url", "first_name", "last_name", "company_domain", "company_name", "email")
_FIELD_NAMES = {"firstname", "lastname", "linkedin", "linkedinurl", "companydomain", "companyname", "email"}
_PERSON, _COMPANY = {"name", "fullname", "contactname"}, {"company", "organization", "domain", "website"}


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
        return self.name in {"comma", "python", "javascript", "curly", "blanks", "undefined"}

    @property
    def is_body(self) -> bool:
        """Return whether a text of this form is surely a body, though nobody can tell what was meant."""
        return bool(self.repaired) or self.name in {"form", "multipart", "var_dump"}


def dumped(value: object) -> str:
    """Return ``value`` as JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def loads(text: str) -> object:
    """Return what ``text`` is as JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_contact(value: object) -> bool:
    """Return whether ``value`` is meant as a contact, whatever its fields are called."""
    if not isinstance(value, dict):
        return False
    names = {plain_name(name) for name in value}
    if names & _FIELD_NAMES or (names & _PERSON and names & _COMPANY):
        return True
    return any(isinstance(each, str) and is_profile(each) for each in value.values())


def plain_name(name: object) -> str:
    """Return the letters of a field's name."""
    return re.sub(r"[^a-z]", "", str(name)[:60].lower())


def are_contacts(value: object) -> bool:
    """Return whether ``value`` is a list of contacts."""
    return isinstance(value, list) and bool(value) and all(map(is_contact, value))


def as_request(value: object) -> str:
    """Return ``value`` as a body if it is one, or contacts; empty otherwise."""
    if isinstance(value, dict) and "contacts" in value:
        return dumped(value)
    return dumped({"contacts": value}) if are_contacts(value) else ""
