"""The people that this server knows: 2,000 synthetic contacts in 25 synthetic companies.

Nothing is stored: contact and results follow from the number, so they are predictable. Contact 0042 works for
Example 17 (42 modulo 25). The last digit decides what an enrichment finds:

| last digit | e-mail   | phone | example      |
| ---------- | -------- | ----- | ------------ |
| 0 to 3     | reliable | yes   | contact-0042 |
| 4, 5       | reliable | no    | contact-0105 |
| 6          | risky    | no    | contact-0016 |
| 7          | risky    | yes   | contact-0127 |
| 8          | none     | yes   | contact-0008 |
| 9          | none     | no    | contact-0019 |

The enrichment of contacts whose number ends in 99 fails, as with a broken data provider. E-mail addresses end in
`.test` (RFC 2606), phone numbers are from 555-0100 to 555-0199, which are reserved for fiction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

EnrichmentType = Literal["none", "partial", "phone_only", "full"]
ENRICHMENT_TYPES: tuple[EnrichmentType, ...] = ("none", "partial", "phone_only", "full")

CONTACTS = 2_000
COMPANIES = 25

# Credits for what was found (docs of the service: partial 1, phone_only 10, full 11).
EMAIL_CREDITS = Decimal(1)
PHONE_CREDITS = Decimal(10)

_LINKEDIN = re.compile(r"(?:^|linkedin\.com/(?:in|pub)/)contact-(\d{4})/?(?:[?#]|$)", re.IGNORECASE)
_EMAIL = re.compile(r"^contact-(\d{4})@(example-\d{1,2}\.test)$", re.IGNORECASE)
_TITLES = ("Head of Examples", "Sample Engineer", "Test Data Analyst", "Placeholder Manager")


def email_status_of(number: int) -> str | None:
    """Return what becomes of the e-mail address of somebody with this number; see the table above."""
    digit = number % 10
    return None if digit > 7 else "risky" if digit >= 6 else "reliable"


def has_phone(number: int) -> bool:
    """Return whether the phone number of somebody with this number can be found."""
    return number % 10 not in {4, 5, 6, 9}


def fails(number: int) -> bool:
    """Return whether the enrichment of somebody with this number fails."""
    return number % 100 == 99


class EnrichedPerson(Protocol):
    """Somebody who can be enriched, of this directory or of the searchable one."""

    @property
    def first_name(self) -> str:
        """The given name."""

    @property
    def last_name(self) -> str:
        """The family name."""

    @property
    def full_name(self) -> str:
        """Both."""

    @property
    def title(self) -> str:
        """The job title."""

    @property
    def location(self) -> str | None:
        """City, state and country, if known."""

    @property
    def linkedin_url(self) -> str:
        """In the canonical form of the service."""

    @property
    def company_name(self) -> str:
        """The employer's name."""

    @property
    def company_domain(self) -> str:
        """The employer's domain."""

    @property
    def email(self) -> str | None:
        """The work e-mail address that can be found."""

    @property
    def email_status(self) -> str | None:
        """Either "reliable" or "risky"; None without an address."""

    @property
    def phone(self) -> str | None:
        """The number in E.164 format, if there is one."""

    @property
    def fails(self) -> bool:
        """Whether the enrichment fails."""


@dataclass(frozen=True, slots=True)
class DirectoryContact:
    """A synthetic person; see the table in the module docstring."""

    number: int

    @property
    def slug(self) -> str:
        """The last part of the LinkedIn URL."""
        return f"contact-{self.number:04d}"

    @property
    def last_name(self) -> str:
        """The number as four digits; the first name is always "Contact"."""
        return f"{self.number:04d}"

    @property
    def first_name(self) -> str:
        """The same for all."""
        return "Contact"

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def location(self) -> str | None:
        """Not known."""
        return None

    @property
    def company_number(self) -> int:
        """The number of the company that employs them."""
        return self.number % COMPANIES

    @property
    def company_name(self) -> str:
        """Such as "Example 17"."""
        return f"Example {self.company_number}"

    @property
    def company_domain(self) -> str:
        """Such as example-17.test."""
        return f"example-{self.company_number}.test"

    @property
    def linkedin_url(self) -> str:
        """In the canonical form of the service."""
        return f"https://www.linkedin.com/in/{self.slug}"

    @property
    def title(self) -> str:
        """A job title, one of a few."""
        return _TITLES[self.number % len(_TITLES)]

    @property
    def fails(self) -> bool:
        """Whether enriching this contact fails."""
        return fails(self.number)

    @property
    def email(self) -> str | None:
        """The work e-mail address, if there is one."""
        return f"{self.slug}@{self.company_domain}" if self.email_status else None

    @property
    def email_status(self) -> str | None:
        """Either "reliable" or "risky"; None without an e-mail address."""
        return email_status_of(self.number)

    @property
    def phone(self) -> str | None:
        """The number in E.164 format, if there is one."""
        return f"+1{201 + self.number // 100}55501{self.number % 100:02d}" if has_phone(self.number) else None


@dataclass(frozen=True, slots=True)
class EnrichmentOutcome:
    """The result of an enrichment of one contact; `contact` is None for an unknown person."""

    contact: EnrichedPerson | None
    email: str | None = None
    email_status: str | None = None
    phone: str | None = None
    failed: bool = False

    @property
    def cost(self) -> Decimal:
        """Credits: 1 for an e-mail, 10 for a phone number, so 11 for both; nothing found costs nothing."""
        email = EMAIL_CREDITS if self.email else Decimal(0)
        return email + (PHONE_CREDITS if self.phone else Decimal(0))


def highest_cost(enrichment_type: EnrichmentType) -> Decimal:
    """Return the most credits that one contact can cost; this much is reserved."""
    return {
        "none": Decimal(0),
        "partial": EMAIL_CREDITS,
        "phone_only": PHONE_CREDITS,
        "full": EMAIL_CREDITS + PHONE_CREDITS,
    }[enrichment_type]


def find_contact(given: Mapping[str, object]) -> DirectoryContact | None:
    """Find the contact that a request describes, or None.

    By LinkedIn URL first, then e-mail, then name and company. A company that is not the contact's employer finds
    nobody, as the service's troubleshooting page says of domains that do not match.
    """
    if linkedin := _text(given, "linkedin_url"):
        match = _LINKEDIN.search(linkedin)
        return _contact_by_number(match.group(1)) if match else None
    if email := _text(given, "email"):
        return _by_email(email)
    return _by_name(given)


def enrich_contact(given: Mapping[str, object], enrichment_type: EnrichmentType) -> EnrichmentOutcome:
    """Find a contact and return the data that this type of enrichment is for."""
    return outcome_of(find_contact(given), enrichment_type)


def outcome_of(contact: EnrichedPerson | None, enrichment_type: EnrichmentType) -> EnrichmentOutcome:
    """Return what this type of enrichment finds about somebody."""
    if contact is None:
        return EnrichmentOutcome(contact=None)
    if contact.fails:
        return EnrichmentOutcome(contact=contact, failed=True)
    wants_email = enrichment_type in {"partial", "full"}
    wants_phone = enrichment_type in {"phone_only", "full"}
    return EnrichmentOutcome(
        contact=contact,
        email=contact.email if wants_email else None,
        email_status=contact.email_status if wants_email else None,
        phone=contact.phone if wants_phone else None,
    )


def _by_email(email: str) -> DirectoryContact | None:
    match = _EMAIL.match(email)
    contact = _contact_by_number(match.group(1)) if match else None
    if match is None or contact is None:
        return None
    return contact if match.group(2).lower() == contact.company_domain else None


def _by_name(given: Mapping[str, object]) -> DirectoryContact | None:
    if _text(given, "first_name").lower() != "contact":
        return None
    contact = _contact_by_number(_text(given, "last_name"))
    if contact is None:
        return None
    domain = _text(given, "company_domain") or _text(given, "domain")
    if domain:
        return contact if domain.lower().removeprefix("www.") == contact.company_domain else None
    return contact if _text(given, "company_name").lower() == contact.company_name.lower() else None


def _contact_by_number(digits: str) -> DirectoryContact | None:
    if not re.fullmatch(r"[0-9]{4}", digits) or int(digits) >= CONTACTS:
        return None
    return DirectoryContact(int(digits))


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    return value.strip() if isinstance(value, str) else ""
