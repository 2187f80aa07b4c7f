"""Searching the world. A filter accepts any of its values, and a result passes every filter."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from sandbox.cursors import read_cursor, write_cursor

from .world import Company, Person, world

Accept = Callable[[str, str], bool]
Found = TypeVar("Found")


def _contains(value: str, wanted: str) -> bool:
    return wanted in value


def _is(value: str, wanted: str) -> bool:
    return wanted == value


# What each filter looks at; names and places are found by a part of them.
PEOPLE_FILTERS: dict[str, tuple[Callable[[Person], tuple[str, ...]], Accept]] = {
    "titles": (lambda person: (person.title,), _contains),
    "seniority": (lambda person: (person.seniority,), _is),
    "management_levels": (lambda person: (person.management_level,), _is),
    "departments": (lambda person: (person.department,), _is),
    "location_city": (lambda person: (person.city,), _is),
    "location_state": (lambda person: (person.state,), _is),
    "location_country": (lambda person: (person.country,), _is),
    "locations": (lambda person: (person.location,), _contains),
    "company_names": (lambda person: (person.company_name,), _contains),
    "company_domains": (lambda person: (person.company_domain,), _is),
    "company_headcount": (lambda person: (person.company.employee_count_range,), _is),
    "company_industries": (lambda person: person.company.industries, _is),
}
COMPANY_FILTERS: dict[str, tuple[Callable[[Company], tuple[str, ...]], Accept]] = {
    "industries": (lambda company: company.industries, _is),
    "employee_count_ranges": (lambda company: (company.employee_count_range,), _is),
    "locations": (lambda company: (company.location,), _contains),
    "names": (lambda company: (company.name,), _contains),
    "domains": (lambda company: (company.domain,), _is),
}
# Filters whose values are too many to be listed.
UNLISTED = frozenset({"company_names", "company_domains", "names", "domains"})


def find_people(seed: int, filters: Mapping[str, Sequence[str]]) -> list[Person]:
    """Return everybody who passes the filters, in a fixed order."""
    accepted = {
        name: _accepted(_values(seed, name), wanted, PEOPLE_FILTERS[name][1]) for name, wanted in filters.items()
    }
    found = world(seed).people
    for name, values in accepted.items():
        read = PEOPLE_FILTERS[name][0]
        found = [person for person in found if not values.isdisjoint(read(person))]
    return found


def find_companies(seed: int, filters: Mapping[str, Sequence[str]]) -> list[Company]:
    """Return every company that passes the filters, in a fixed order."""
    accepted = {
        name: _accepted(_company_values(seed, name), wanted, COMPANY_FILTERS[name][1])
        for name, wanted in filters.items()
    }
    found = world(seed).companies
    for name, values in accepted.items():
        read = COMPANY_FILTERS[name][0]
        found = [company for company in found if not values.isdisjoint(read(company))]
    return found


def find_similar(seed: int, company: Company) -> list[Company]:
    """Return the other companies that have something in common with it, the most alike first."""
    scored = [(likeness(company, other), other) for other in world(seed).companies if other is not company]
    return [other for score, other in sorted(scored, key=lambda pair: (-pair[0], pair[1].number)) if score > 0]


def likeness(one: Company, other: Company) -> int:
    """Return how much two companies have in common; industry counts most, then size, country and technologies."""
    industries = len(set(one.industries) & set(other.industries))
    same = 5 * (one.industry == other.industry) + 3 * (one.employee_count_range == other.employee_count_range)
    return 4 * industries + same + (one.country == other.country) + len(set(one.tech_stack) & set(other.tech_stack))


def page(
    found: Sequence[Found], limit: int, cursor: str | None, *searched: object
) -> tuple[Sequence[Found], str | None]:
    """Return a page of results and the cursor of the next one, which holds for what was ``searched`` only."""
    start = max(0, read_cursor(cursor, *searched)[0])
    end = start + limit
    return found[start:end], write_cursor(end, "", *searched) if end < len(found) else None


def filter_values(seed: int, people: bool) -> dict[str, list[str]]:
    """Return the values that each filter knows; none for those that take any text."""
    if people:
        return {name: [] if name in UNLISTED else list(_values(seed, name)) for name in PEOPLE_FILTERS}
    return {name: [] if name in UNLISTED else list(_company_values(seed, name)) for name in COMPANY_FILTERS}


@lru_cache(maxsize=64)
def _values(seed: int, name: str) -> tuple[str, ...]:
    read = PEOPLE_FILTERS[name][0]
    return tuple(sorted({value for person in world(seed).people for value in read(person)}))


@lru_cache(maxsize=64)
def _company_values(seed: int, name: str) -> tuple[str, ...]:
    read = COMPANY_FILTERS[name][0]
    return tuple(sorted({value for company in world(seed).companies for value in read(company)}))


def _accepted(values: Sequence[str], wanted: Sequence[str], accept: Accept) -> set[str]:
    """Return the values that one of the wanted texts accepts: there are few, whatever is asked for."""
    texts = {text.strip().casefold() for text in wanted} - {""}
    if accept is _is:
        return {value for value in values if value.casefold() in texts}
    return {value for value in values if any(accept(value.casefold(), text) for text in texts)}
