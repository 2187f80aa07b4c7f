"""What a body of the wrong form is, and what the readers of such forms share."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from troubleshooting.body.remarks import is_profile

CONTACT_FIELDS = ("linkedin_url", "first_name", "last_name", "company_domain", "company_name", "email")
_FIELD_NAMES = {"firstname", "lastname", "linkedin", "linkedinurl", "companydomain", "companyname", "email"}
_NAMED = re.compile(r"[\w .-]{1,40}")
# What the fields of a contact are called elsewhere, by their letters alone.
OTHER_NAMES = {
    "linkedin": "linkedin_url", "linkedinurl": "linkedin_url", "profileurl": "linkedin_url", "firstname": "first_name",
    "linkedinprofile": "linkedin_url", "linkedinprofileurl": "linkedin_url", "lastname": "last_name",
    "companydomain": "company_domain", "domain": "company_domain", "website": "company_domain",
    "company": "company_name", "companyname": "company_name", "email": "email", "emailaddress": "email",
}  # fmt: skip
_LISTS = {
    "contacts",
    "contact",
    "leads",
    "lead",
    "people",
    "persons",
    "person",
    "rows",
    "records",
    "prospects",
    "items",
}
_OF_PAGES = {
    "total",
    "count",
    "page",
    "next",
    "cursor",
    "next_cursor",
    "has_more",
    "pagination",
    "meta",
    "total_entries",
}
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


def missing_fields(contact: Mapping[str, object]) -> list[str]:
    """Return which fields would complete the contact's name and company; none when it can be identified."""
    if contact.get("linkedin_url"):
        return []
    missing = [name for name in ("first_name", "last_name") if not contact.get(name)]
    if not (contact.get("company_domain") or contact.get("company_name")):
        missing.append("company_domain or company_name")
    return missing


def find_renames(contact: object) -> dict[str, str]:
    """Return the fields that only need another name for the contact to be identified, with that name."""
    if not isinstance(contact, dict) or not missing_fields(contact):
        return {}
    renames: dict[str, str] = {}
    for name, value in contact.items():
        known = OTHER_NAMES.get(plain_name(name)) if value and isinstance(value, str) else None
        if known and not contact.get(known) and known not in renames.values() and _NAMED.fullmatch(name):
            renames[name] = known
    return renames if renames and not missing_fields(renamed(contact, renames)) else {}


def renamed(contact: Mapping[str, object], renames: Mapping[str, str]) -> dict[str, object]:
    """Return a contact with other names for its fields."""
    taken = set(renames.values())
    return {renames.get(name, name): value for name, value in contact.items() if name not in taken}


def as_request(value: object) -> str:
    """Return ``value`` as a body if it is one, or contacts, whose fields get their right names; empty otherwise."""
    body = {"contacts": value} if are_contacts(value) else value
    if not isinstance(body, dict) or "contacts" not in body:
        return ""
    contacts = body["contacts"]
    if isinstance(contacts, list):
        contacts = [renamed(one, each) if (each := find_renames(one)) else one for one in contacts]
    return dumped({**body, "contacts": contacts})


def other_list(value: dict[str, object]) -> WrongForm | None:
    """Recognize contacts under another name; a page of a service's response isn't meant."""
    for name, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(each, str) and is_profile(each) for each in inner):
            contacts = [{"linkedin_url": each} for each in inner]
            fix = 'Write each as {"linkedin_url": "https://www.linkedin.com/in/…"}, in the array contacts.'
            message = f"“{name}” is a list of URLs; each contact must be an object."
            whole = {each: given for each, given in value.items() if each != name} | {"contacts": contacts}
            return WrongForm("urls", message, fix, as_request(whole)) if name.isidentifier() else None
        if (
            name != "contacts"
            and plain_name(name) in _LISTS
            and name.isidentifier()
            and are_contacts(inner)
            and not value.keys() & _OF_PAGES
        ):
            whole = {"contacts" if each == name else each: given for each, given in value.items()}
            message = f"The contacts are in “{name}”, which Cleanlist ignores; the field must be named contacts."
            return WrongForm("list_name", message, f"Rename “{name}” to contacts.", as_request(whole))
    return None


def misnamed(body: dict[str, object]) -> WrongForm | None:
    """Recognize contacts that nobody can be found by, only because their fields have other names."""
    contacts = body["contacts"]
    found = map(find_renames, contacts if isinstance(contacts, list) else [])
    renames = next((each for each in found if each), None)
    if renames is None:
        return None
    names = " and ".join(f"“{name}” must be named {known}" for name, known in renames.items())
    fix = f"Rename {'it' if len(renames) == 1 else 'them'} in every contact."
    return WrongForm("names", f"{names}.", fix, as_request(body))
