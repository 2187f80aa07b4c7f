"""The companies and people of a seed: the same seed makes the same world, in a fraction of a second."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from sandbox.enrichment.contact_directory import COMPANIES as EXAMPLE_COMPANIES
from sandbox.enrichment.contact_directory import email_status_of, fails, has_phone
from sandbox.lists.leads import linkedin_slug

from . import words

DEFAULT_SEED = 1
COMPANIES = 2_000
PEOPLE = 20_000
MAX_CLOSEST = 10_000
FIRST_PERSON_ID = 1_000_000


@dataclass(frozen=True, slots=True)
class Company:
    """A company; the first 25 are those of the contact directory."""

    number: int
    name: str
    domain: str
    industry: str
    industries: tuple[str, ...]
    employee_count: int
    employee_count_range: str
    revenue_range: str
    city: str
    state: str
    country: str
    funding_stage: str | None
    total_funding_usd: int | None
    tech_stack: tuple[str, ...]
    ticker: str | None

    @property
    def company_id(self) -> str:
        """Its identifier."""
        return f"company-{self.number:04d}"

    @property
    def location(self) -> str:
        """City, state and country."""
        return f"{self.city}, {self.state}, {self.country}"

    @property
    def linkedin_url(self) -> str:
        """The address of its page."""
        return f"https://www.linkedin.com/company/{self.domain.partition('.')[0]}"


@dataclass(frozen=True, slots=True)
class Person:
    """An employee of one of the companies. As in the contact directory, the last digit decides what is found."""

    number: int
    first_name: str
    last_name: str
    title: str
    seniority: str
    management_level: str
    department: str
    city: str
    state: str
    country: str
    company: Company

    @property
    def person_id(self) -> str:
        """The identifier in searches: an integer as text."""
        return str(FIRST_PERSON_ID + self.number)

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def location(self) -> str:
        """City, state and country."""
        return f"{self.city}, {self.state}, {self.country}"

    @property
    def slug(self) -> str:
        """The last part of the LinkedIn URL."""
        return f"{self.first_name}-{self.last_name}-{self.number:05d}".lower()

    @property
    def linkedin_url(self) -> str:
        """In the canonical form of the service."""
        return f"https://www.linkedin.com/in/{self.slug}"

    @property
    def company_name(self) -> str:
        """The employer's name."""
        return self.company.name

    @property
    def company_domain(self) -> str:
        """The employer's domain."""
        return self.company.domain

    @property
    def address(self) -> str:
        """The work e-mail address, whether or not it can be found."""
        return f"{self.first_name}.{self.last_name}.{self.number}@{self.company.domain}".lower()

    @property
    def email(self) -> str | None:
        """The work e-mail address that can be found."""
        return self.address if self.email_status else None

    @property
    def email_status(self) -> str | None:
        """Either "reliable" or "risky"; None without an address."""
        return email_status_of(self.number)

    @property
    def phone(self) -> str | None:
        """A number reserved for fiction, in E.164."""
        return f"+1{301 + self.number // 100}55501{self.number % 100:02d}" if has_phone(self.number) else None

    @property
    def fails(self) -> bool:
        """Whether enriching this person fails."""
        return fails(self.number)


@dataclass(frozen=True, slots=True)
class World:
    """All companies and people, and the ways to find one."""

    companies: list[Company]
    people: list[Person]
    _company_by: dict[str, Company] = field(default_factory=dict)
    _person_by: dict[str, Person] = field(default_factory=dict)
    # What was looked for by name: going through all takes milliseconds, and lists repeat their companies.
    _closest: dict[str, Company | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the indexes."""
        for company in self.companies:
            self._company_by[company.domain] = self._company_by[company.company_id] = company
            self._company_by.setdefault(company.name.lower(), company)
        for person in self.people:
            name = f"{person.full_name}|".lower()
            for key in (person.slug, person.address, person.person_id, name + person.company_domain):
                self._person_by[key] = person
            self._person_by.setdefault(name + person.company_name.lower(), person)

    def find_person(self, given: Mapping[str, object]) -> Person | None:
        """Find who a request describes: by LinkedIn URL, else e-mail, else id, else name and company."""
        if linkedin := _text(given, "linkedin_url"):
            return self._person_by.get(linkedin_slug(linkedin) or "")
        for name in ("email", "person_id"):
            if value := _text(given, name).lower():
                return self._person_by.get(value)
        employer = normal_domain(_text(given, "company_domain")) or _text(given, "company_name").lower()
        name = f"{_text(given, 'first_name')} {_text(given, 'last_name')}".lower()
        return self._person_by.get(f"{name}|{employer}")

    def find_company(
        self, *, domain: str = "", company_id: str = "", name: str = "", ticker: str = ""
    ) -> Company | None:
        """Find a company by domain, else id, else ticker, else a name that is close enough."""
        if domain:
            return self._company_by.get(normal_domain(domain))
        if company_id:
            return self._company_by.get(company_id) if company_id.startswith("company-") else None
        if ticker:
            found = next((each for each in self.companies if each.ticker == ticker.strip().upper()), None)
            if found is not None:
                return found
        return self._by_name(name.strip().lower()[:100]) if name else None

    def person_by_id(self, person_id: str) -> Person | None:
        """Return the person with the id of a search."""
        return self._person_by.get(person_id) if person_id.isdecimal() else None

    def _by_name(self, name: str) -> Company | None:
        if name in self._company_by:
            return self._company_by[name]
        if name in self._closest:
            return self._closest.get(name)
        close = get_close_matches(name, [each.name.lower() for each in self.companies], n=1, cutoff=0.85)
        found = self._company_by[close[0]] if close else None
        if len(self._closest) < MAX_CLOSEST:
            self._closest[name] = found
        return found


@lru_cache(maxsize=4)
def world(seed: int = DEFAULT_SEED) -> World:
    """Return the world of a seed, made the first time that it is needed."""
    rng = random.Random(f"{seed}/world")  # noqa: S311 - repeatable, no secret
    companies = _companies(rng)
    return World(companies, _people(rng, companies[EXAMPLE_COMPANIES:]))


def normal_domain(domain: str) -> str:
    """Return the host of what may be a URL, without www."""
    host = re.sub(r"^[a-z]+://", "", domain.strip().lower()[:300])
    return re.split(r"[/?#:]", host)[0].removeprefix("www.")


def _companies(rng: random.Random) -> list[Company]:
    names = [(f"Example {number}", f"example-{number}.test") for number in range(EXAMPLE_COMPANIES)]
    taken: set[str] = set()
    while len(names) < COMPANIES:
        name = f"{words.brand(rng)} {rng.choice(words.KINDS)}"
        if name not in taken:
            taken.add(name)
            names.append((name, f"{name.lower().replace(' ', '-')}.example"))
    return [_company(rng, number, *named) for number, named in enumerate(names)]


def _company(rng: random.Random, number: int, name: str, domain: str) -> Company:
    size = rng.choices(range(len(words.SIZES)), (20, 25, 22, 14, 9, 7, 3))[0]
    most, headcount, revenue = words.SIZES[size]
    least = words.SIZES[size - 1][0] + 1 if size else 1
    stage, raised = rng.choice(words.FUNDING)
    industries = tuple(rng.sample(words.INDUSTRIES, rng.randint(1, 3)))
    city, state, country = rng.choice(words.PLACES)
    return Company(
        number=number,
        name=name,
        domain=domain,
        industry=industries[0],
        industries=industries,
        employee_count=rng.randint(least, most),
        employee_count_range=headcount,
        revenue_range=revenue,
        city=city,
        state=state,
        country=country,
        funding_stage=stage,
        total_funding_usd=round(raised * rng.uniform(0.6, 1.8)) if stage else None,
        tech_stack=tuple(sorted(rng.sample(words.TECHNOLOGIES, rng.randint(2, 6)))),
        ticker=f"{name[:3].upper()}{number % 1000:03d}" if stage == "IPO" else None,
    )


def _people(rng: random.Random, companies: list[Company]) -> list[Person]:
    # Everybody has colleagues, and large companies many: at least one person each, the rest by headcount.
    weights = [company.employee_count**0.5 for company in companies]
    employers = companies + rng.choices(companies, weights, k=PEOPLE - len(companies))
    return [_person(rng, number, employer) for number, employer in enumerate(employers)]


def _person(rng: random.Random, number: int, company: Company) -> Person:
    level = rng.choices(words.LEVELS, [each[3] for each in words.LEVELS])[0]
    department = rng.choice(words.DEPARTMENTS)
    home = (company.city, company.state, company.country)
    city, state, country = home if rng.random() < 0.7 else rng.choice(words.PLACES)
    return Person(
        number=number,
        first_name=words.given_name(rng),
        last_name=words.family_name(rng),
        title=level[2].format(department),
        seniority=level[0],
        management_level=level[1],
        department=department,
        city=city,
        state=state,
        country=country,
        company=company,
    )


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    return value.strip() if isinstance(value, str) else ""
