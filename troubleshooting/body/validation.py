"""Validates a body for ``POST /api/v1/public/enrich/bulk`` as the API does, and explains what is wrong.

Upstream takes JSON as Python's ``json`` does (the service's documentation speaks of Pydantic), so the same parser
reads it here. Nothing is kept of a body: it holds people's contact data.
"""

import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cleanlist.pricing import MAX_CONTACTS, MOST_FOR_CONTACT
from core.sanitize import sanitize_text
from troubleshooting.body.form import CONTACT_FIELDS, missing_fields
from troubleshooting.body.remarks import ADVICE, Placed, remarks_on, set_aside
from troubleshooting.body.webhook_urls import find_url_problem
from troubleshooting.body.wrong_forms import find_wrong_form

# The sandbox's limit; upstream does not document one.
MAX_BYTES = 2 * 1024 * 1024
MAX_FINDINGS = 1000
MAX_NAMES = 50  # unknown fields that are spoken of
DEFAULT_TYPE = "partial"
_PERSON = ("first_name", "last_name", "company")  # what identifies one without linkedin_url
BODY_FIELDS = ("enrichment_type", "contacts", "webhook_url")

_KINDS: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "an array"}
_KINDS |= {dict: "an object", type(None): "null"}

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class BodyFinding:
    """One thing that is wrong, or worth knowing. ``loc`` is written as upstream's ``detail[].loc``.

    ``in_answer`` is False for what upstream's answer to this very body does not name: what it ignores, or what it
    would only refuse once the rest is corrected.
    """

    loc: Loc
    message: str
    fix: str
    in_answer: bool = True


@dataclass(frozen=True)
class BodyValidation:
    """What the API would answer: ``status`` is 200, 400, 413 or 422. Whether the credits suffice is not looked at.

    ``enrichment_type`` is empty when the body names an unknown one. ``most_credits`` is what would be reserved for all
    ``contacts``. ``refused`` counts all that upstream's answer would name, also what ``findings`` has no room for.
    ``repaired`` is the body as it was meant, where its form is wrong and that can be told.
    """

    accepted: bool
    status: int
    findings: tuple[BodyFinding, ...]
    contacts: int
    enrichment_type: str
    most_credits: int
    refused: int = 1
    repaired: str = ""

    @property
    def total(self) -> int:
        """Return how many findings there are, with those that ``findings`` has no room for."""
        return self.refused + sum(not finding.in_answer for finding in self.findings)


class _Findings:
    """Collects what is found; of the contacts until there are ``most``."""

    def __init__(self, most: int) -> None:
        self.listed: list[BodyFinding] = []
        self.refused, self.most = 0, most

    @property
    def is_full(self) -> bool:
        """Return whether what else is found is only counted."""
        return len(self.listed) >= self.most

    def refuse(self, loc: Loc, message: str, fix: str) -> None:
        """Add a finding that upstream's response names."""
        self.refused += 1
        self.listed.append(BodyFinding(loc, message, fix))

    def mention(self, loc: Loc, message: str, fix: str) -> None:
        """Add a finding that upstream's response does not name."""
        self.listed.append(BodyFinding(loc, message, fix, in_answer=False))


def validate_body(text: str, most: int = MAX_FINDINGS, *, is_filled: bool = False) -> BodyValidation:
    """Return what the API would say to ``text`` as the body of a bulk enrichment, and what is wrong.

    After ``most`` findings, what is wrong with further contacts is only counted. ``is_filled`` tells that templates in
    it are filled in before it's sent.
    """
    verdict = _validate_text(text, most, is_filled=is_filled)
    form = find_wrong_form(text) if verdict.status == 422 else None
    if form is None:
        return verdict
    # The first finding says the same in the parser's words, which help where it is nearly JSON.
    findings = list(verdict.findings)
    of_contacts = (at for at, found in enumerate(findings) if found.loc[:2] == ("body", "contacts"))
    first = findings.pop(next(of_contacts, 0))
    is_close = form.is_close and first.message.startswith("Invalid JSON")
    fix = first.fix if is_close and first.fix not in {_AT_THIS_PLACE, form.fix} else ""
    message = f"{first.message} {form.message}" if is_close else form.message
    named = replace(first, message=message, fix=f"{fix} {form.fix}".strip())
    return replace(verdict, findings=(named, *findings), repaired=form.repaired)


def _validate_text(text: str, most: int, *, is_filled: bool) -> BodyValidation:
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        size = f"The body has {len(raw) / 1e6:.1f} MB; 250 contacts need much less than {MAX_BYTES / 1e6:.1f} MB."
        return _unread(413, BodyFinding(("body",), size, "Send fewer contacts at once, with only their fields."))
    if not raw:
        return _unread(422, BodyFinding(("body",), "The body is empty.", "Send a JSON object with contacts in it."))
    try:
        body = json.loads(raw)
    except json.JSONDecodeError as error:
        message = f"Invalid JSON at line {error.lineno}, column {error.colno}."
        return _unread(422, BodyFinding(("body", error.pos), message, _fix_for_json(error)))
    except RecursionError:
        message = "Arrays or objects are nested too deeply to parse."
        return _unread(400, BodyFinding(("body",), message, "Send one object with a flat list of contacts."))
    except ValueError:  # bytes that are no text, or thousands of digits
        message = "It can't be parsed: it contains a number with thousands of digits, or it isn't UTF-8 text."
        return _unread(400, BodyFinding(("body",), message, "Send UTF-8 text, with each value in double quotes."))
    return _validate(body, _Findings(most), is_filled=is_filled)


def refuse_content_type(verdict: BodyValidation) -> BodyValidation:
    """Return ``verdict`` on a body that is not sent as JSON: the API doesn't read it then."""
    message = "The request doesn't say that its body is JSON: there is no Content-Type header, so it's sent as a form."
    finding = BodyFinding(("body",), message, "Add the header Content-Type: application/json.")
    refused = verdict.refused + 1
    return replace(verdict, accepted=False, status=422, findings=(*verdict.findings, finding), refused=refused)


def _unread(status: int, finding: BodyFinding) -> BodyValidation:
    return BodyValidation(False, status, (finding,), 0, "", 0)


_AT_THIS_PLACE = "Fix it at this position, then check again."
_JSON_FIXES = {
    "'": "Use double quotes. JSON doesn't allow single quotes.",
    "“": "Replace curly quotes with straight double quotes.",
    "”": "Replace curly quotes with straight double quotes.",
    "T": "Write true, false and null in lowercase.",
    "F": "Write true, false and null in lowercase.",
    "N": "Write true, false and null in lowercase.",
    "}": "Remove the comma before the closing bracket.",
    "]": "Remove the comma before the closing bracket.",
    "/": "Remove the comment. JSON doesn't allow comments.",
    "#": "Remove the comment. JSON doesn't allow comments.",
    "": "A closing bracket or quote is missing at the end.",
}


def _fix_for_json(error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Extra data"):
        return "Send one JSON object per request. There's extra text after its end."
    if "delimiter" in error.msg and error.doc[error.pos :].strip():
        return "Add the missing comma or colon before this position, or close the quotes before it."
    return _JSON_FIXES.get(error.doc[error.pos : error.pos + 1], _AT_THIS_PLACE)


def _validate(body: object, findings: _Findings, *, is_filled: bool) -> BodyValidation:
    if not isinstance(body, dict):
        message = f"The body is {_KINDS[type(body)]}; it must be an object."
        findings.refuse(("body",), message, 'Wrap it: {"enrichment_type": "partial", "contacts": […]}')
        return _verdict(422, findings, 0, "")
    body, later = set_aside(body) if is_filled else (body, [])
    kind = _check_type(body, findings)
    contacts = body.get("contacts")
    _check_contacts(body, findings)
    _check_text(("body",), body, "webhook_url", findings)
    status = 422 if findings.refused else 200
    status = _check_count(contacts, status, findings)
    status = _check_webhook(body.get("webhook_url"), status, findings)
    _mention_unknown((((), body),), BODY_FIELDS, "the body", findings)
    if later:
        message = f"What is put in for the templates in {', '.join(map(_short, later[:MAX_NAMES]))} can't be checked."
        findings.mention(
            ("body",), message, "If nothing fills them in before it's sent, Cleanlist gets the templates themselves."
        )
    kind = "" if "enrichment_type" in later else kind
    return _verdict(status, findings, len(contacts) if isinstance(contacts, list) else 0, kind)


def _verdict(status: int, findings: _Findings, contacts: int, kind: str) -> BodyValidation:
    most = contacts * MOST_FOR_CONTACT.get(kind, 0)
    return BodyValidation(status == 200, status, tuple(findings.listed), contacts, kind, most, findings.refused)


def _check_type(body: Mapping[str, object], findings: _Findings) -> str:
    kind = body.get("enrichment_type", DEFAULT_TYPE)
    if isinstance(kind, str) and kind in MOST_FOR_CONTACT:
        return kind
    shown = _KINDS[type(kind)]
    if isinstance(kind, str):  # what is no word may be a secret in the wrong place
        shown = f"“{kind}”" if re.fullmatch(r"[A-Za-z]{1,20}(?:[ _-][A-Za-z]{1,20})?", kind) else "a text"
    fix = f"Use none, partial, phone_only or full, or omit it for {DEFAULT_TYPE}."
    findings.refuse(("body", "enrichment_type"), f"enrichment_type is {shown}, which isn't a valid type.", fix)
    return ""


def _check_contacts(body: Mapping[str, object], findings: _Findings) -> None:
    contacts = body.get("contacts")
    if "contacts" not in body:
        findings.refuse(("body", "contacts"), "contacts is missing.", "Add contacts, an array of 1 to 250 contacts.")
    elif not isinstance(contacts, list):
        message = f"contacts is {_KINDS[type(contacts)]}; it must be an array."
        fix = "Put the contacts in square brackets, even if there's only one."
        empty = "Put 1 to 250 contacts in it. The variable that it's made from is probably empty."
        findings.refuse(("body", "contacts"), message, empty if contacts is None else fix)
    else:
        _check_each(contacts, findings)


def _check_each(contacts: list[object], findings: _Findings) -> None:
    explained = 0
    for index, contact in enumerate(contacts):
        if findings.is_full:
            findings.refused += _count_problems(contact)
        else:
            _check_contact(index, contact, findings)
            explained += 1
    seen = enumerate(contacts[:explained])
    objects: list[Placed] = [(("contacts", index), each) for index, each in seen if isinstance(each, dict)]
    _mention_unknown(objects, CONTACT_FIELDS, "a contact", findings)
    for place, message, fix in remarks_on(objects):
        findings.mention(place, message, fix)


def _check_contact(index: int, contact: object, findings: _Findings) -> None:
    loc: Loc = ("body", "contacts", index)
    if not isinstance(contact, dict):
        message = f"contacts[{index}] is {_KINDS[type(contact)]}; it must be an object."
        findings.refuse(loc, message, 'Write it as {"linkedin_url": "https://www.linkedin.com/in/…"}')
        return
    wrong = [name for name in CONTACT_FIELDS if not _check_text(loc, contact, name, findings)]
    if not wrong and (missing := missing_fields(contact)):
        names, are = " and ".join(missing), "is" if len(missing) == 1 else "are"
        message = f"contacts[{index}] doesn't identify a person: {names} {are} missing or empty."
        if contact.get("email") and len(missing) == len(_PERSON):
            message = f"contacts[{index}] has an email, which alone doesn't identify a person: {names} {are} missing."
        findings.refuse(loc, message, f"Add {names}, or linkedin_url instead.")


def _count_problems(contact: object) -> int:
    """Return how many findings ``_check_contact`` would add."""
    if not isinstance(contact, dict):
        return 1
    wrong = sum(not _is_text(contact[name]) for name in contact.keys() & set(CONTACT_FIELDS))
    return wrong or bool(missing_fields(contact))


def _check_text(loc: Loc, holder: Mapping[str, object], name: str, findings: _Findings) -> bool:
    """Return whether an optional text field is one, or null, or left out."""
    if _is_text(value := holder.get(name)):
        return True
    place = _place((*loc, name))
    if isinstance(value, float) and math.isnan(value):
        message = f"{place} is NaN, as pandas writes an empty cell; it must be text."
        findings.refuse((*loc, name), message, "Omit the field: df.replace({float('nan'): None}) makes it null.")
    elif isinstance(value, str):
        message = f"{place} contains half a character (a lone surrogate)."
        findings.refuse((*loc, name), message, "Write the full character, or a pair of \\u escapes.")
    else:
        message = f"{place} is {_KINDS[type(value)]}; it must be text."
        findings.refuse((*loc, name), message, "Put the value in double quotes, or omit the field.")
    return False


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and _is_encodable(value))


def _place(loc: Loc) -> str:
    """Return ``loc`` in the usual notation: ``contacts[7].first_name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc[1:]).lstrip(".")


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_count(contacts: object, status: int, findings: _Findings) -> int:
    """Check the number of contacts; upstream does so last, when each contact is valid."""
    if not isinstance(contacts, list) or 1 <= len(contacts) <= MAX_CONTACTS:
        return status
    message, fix = "contacts is empty.", "Add at least one contact."
    if contacts:
        message = f"There are {len(contacts):,} contacts; the limit is {MAX_CONTACTS} per request."
        fix = f"Split them into {-(-len(contacts) // MAX_CONTACTS)} requests of up to {MAX_CONTACTS} contacts."
    note = findings.refuse if status == 200 else findings.mention
    note(("body", "contacts"), message, fix)
    return 400 if status == 200 else status


def _check_webhook(url: object, status: int, findings: _Findings) -> int:
    """Check the webhook URL; upstream does so when everything else is valid."""
    problem = find_url_problem(url) if isinstance(url, str) and _is_encodable(url) else None
    if problem is None:
        return status
    is_why = problem.refused and status == 200
    note = findings.refuse if is_why else findings.mention
    note(("body", "webhook_url"), sanitize_text(problem.message, 400), problem.fix)
    return 422 if is_why else status


def _mention_unknown(holders: Sequence[Placed], known: tuple[str, ...], whose: str, findings: _Findings) -> None:
    """Mention each field that upstream ignores once, where it occurs first."""
    places: dict[str, list[Loc]] = {}
    for loc, holder in holders:
        for name in holder.keys() - set(known):
            if name in places or len(places) < MAX_NAMES:
                places.setdefault(name, []).append(loc)
    for name, found in sorted(places.items()):
        plain = re.sub(r"[^a-z]+", "_", name[:60].lower())
        alike = _alike(plain, known)
        advice = ADVICE.get(plain.replace("_", "")) if whose == "a contact" else None
        fix = advice or (f"Did you mean {alike}?" if alike else f"Remove it. Valid fields are {', '.join(known)}.")
        times = f" It occurs {len(found):,} times." if len(found) > 1 else ""
        message = f"“{_short(name)}” isn't a field of {whose}. Cleanlist ignores it.{times}"
        findings.mention(("body", *found[0], _short(name)), message, fix)


def _alike(name: str, known: tuple[str, ...]) -> str:
    """Return the known field that was most likely meant; empty where none comes to mind."""
    close = difflib.get_close_matches(name, known, 1, 0.7)
    containing = [one for one in known if len(name) > 3 and name in one]
    return close[0] if close else containing[0] if len(containing) == 1 else ""


def _short(text: str) -> str:
    """Return a name that somebody chose, fit for a sentence."""
    return sanitize_text(text, 61) if len(text) <= 60 else sanitize_text(text, 60) + "…"
