"""Remarks on what upstream accepts but what finds no one: values that stand for none, URLs of something else."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

Placed = tuple[tuple[str | int, ...], Mapping[str, object]]  # an object of the body, and where below it that is
_MOST_PLACES = 5
_PROFILE = re.compile(r"(?i)^(https?://)?([a-z]+\.)?linkedin\.com/(in|pub|sales/(lead|people)|talent/profile)/[^/\s]+")
_COMPANY = re.compile(r"(?i)linkedin\.com/(company|school|showcase|sales/(company|search|list)|groups|jobs|posts)\b")
_SALES = re.compile(r"(?i)linkedin\.com/(sales/(lead|people)|talent/profile)/")
_SEVERAL = re.compile(r"(?i)linkedin\.com/\S{1,300}[\s,;|]+\S{0,30}linkedin\.com/")
_DOMAIN = re.compile(r"(?i)^[\w-]+(\.[\w-]+)+$")
_PLACEHOLDER = re.compile(
    r"(?i)(n/?a|nan|none|null|undefined|unknown|-+|\.+|\?+|test|tbd|#n/a|#ref!|\[object object\]|"
    r"\{\{.{0,80}\}\}|<.{1,40}>|\$\{.{0,80}\})"
)
# What an automation tool fills when it runs: expressions of Make, Zapier and n8n, whose form nothing else has.
_FILLED = re.compile(r"\{\{\s{0,9}(?:\d{1,9}(?:\.|__)|\$)[^{}]{0,300}\}\}|^=")
_PUT_IN = re.compile(r"\{\{[^{}]{1,300}\}\}|\$\{[^{}]{1,300}\}|<%[^<>%]{1,300}%>|<<\w{1,60}>>")
_TEXTS = ("first_name", "last_name", "company_name", "company_domain", "linkedin_url", "email")
# Fields that people use for what the API calls otherwise, by their letters alone, and what to do.
ADVICE = {
    "fullname": "Split it into first_name and last_name.",
    "name": "Split it into first_name and last_name.",
    "contactname": "Split it into first_name and last_name.",
    "organization": "Name it company_name.",
    "organizationname": "Name it company_name.",
    "website": "Name it company_domain, without https:// and without a path.",
    "companywebsite": "Name it company_domain, without https:// and without a path.",
    "url": "Name it linkedin_url if it's a LinkedIn profile.",
    "profileurl": "Name it linkedin_url.",
    "phone": "Remove it: phone numbers are what enrichment finds, with type phone_only or full.",
}


def is_profile(text: str) -> bool:
    """Return whether ``text`` is the URL of a LinkedIn profile."""
    return bool(_PROFILE.match(text.strip()[:500]))


def _odd_linkedin(text: str) -> bool:
    return not (_PROFILE.match(text) or _COMPANY.search(text) or _SEVERAL.search(text))


def _odd_domain(text: str) -> bool:
    return _DOMAIN.match(text) is None


_MAILBOXES = {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "gmx.de", "web.de", "proton.me"}
_FINDS_NO_ONE = "Cleanlist accepts it but will probably find no one."
_Remark = tuple[str, Callable[[str], bool], str, str]
_REMARKS: tuple[_Remark, ...] = (
    ("linkedin_url", _odd_linkedin, "isn't a LinkedIn profile URL", "Write it as https://www.linkedin.com/in/…."),
    (
        "linkedin_url",
        lambda text: bool(_SEVERAL.search(text)),
        "has more than one URL",
        "Write one profile URL per contact.",
    ),
    (
        "linkedin_url",
        lambda text: bool(_COMPANY.search(text)) and not _SEVERAL.search(text),
        "is the URL of a company or another page, not of a person",
        "Use the person's profile: https://www.linkedin.com/in/….",
    ),
    (
        "linkedin_url",
        lambda text: bool(_SALES.search(text)),
        "is a URL of Sales Navigator or Recruiter",
        "The public URL (https://www.linkedin.com/in/…) is found more often.",
    ),
    (
        "company_domain",
        _odd_domain,
        "isn't a bare domain",
        "Write it as example.com, without https:// and without a path.",
    ),
    (
        "company_domain",
        lambda text: "linkedin.com" in text.lower() or text.lower() in _MAILBOXES,
        "belongs to a service, not to the person's company",
        "Write the domain of the company's own website.",
    ),
)


def set_aside(body: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return a body without what is put into its fields when it's sent, and the names of those fields.

    Of a contact they stay, as an expression that no remark is made on.
    """
    names: dict[str, None] = {}

    def is_put_in(name: str, value: object) -> bool:
        is_so = isinstance(value, str) and bool(_PUT_IN.search(value))
        return is_so and names.setdefault(name) is None

    clean = {name: value for name, value in body.items() if not is_put_in(name, value)}
    contacts = clean.get("contacts")
    if isinstance(contacts, list):
        clean["contacts"] = [
            {name: f"={value}" if is_put_in(name, value) else value for name, value in each.items()}
            if isinstance(each, dict)
            else each
            for each in contacts
        ]
    return clean, list(names)


def remarks_on(contacts: Sequence[Placed]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield place, message and advice of each remark, each for all contacts that it concerns."""
    for name, is_odd, problem, fix in _REMARKS:
        odd = [loc for loc, contact in contacts if (text := _text(contact.get(name))) and is_odd(text)]
        if odd:
            yield ("body", *odd[0], name), f"{name} {problem} in {_places(odd)}. {_FINDS_NO_ONE}", fix
    for name in _TEXTS:
        odd = [loc for loc, contact in contacts if _PLACEHOLDER.fullmatch(_text(contact.get(name)))]
        if odd:
            message = f"{name} has a placeholder instead of a value in {_places(odd)}. {_FINDS_NO_ONE}"
            yield ("body", *odd[0], name), message, "Omit the field where there's no value."


def _text(value: object) -> str:
    text = value.strip()[:500] if isinstance(value, str) else ""
    return "" if _FILLED.search(text) else text


def _places(found: Sequence[tuple[str | int, ...]]) -> str:
    more = len(found) - _MOST_PLACES
    shown = ", ".join(f"contacts[{loc[1]}]" for loc in found[:_MOST_PLACES])
    return f"{shown} and {more:,} more" if more > 0 else shown
