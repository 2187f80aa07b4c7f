"""The searchable world: repeatable, made of reserved names, and everybody in it can be found."""

import re
import time

import pytest

from sandbox.directory import search
from sandbox.directory.world import Person, world
from sandbox.enrichment import contact_directory


def test_the_same_seed_makes_the_same_world_and_another_one_another():
    world.cache_clear()
    started = time.process_time()
    first = world(1)
    assert time.process_time() - started < 2
    world.cache_clear()
    assert world(1).people == first.people
    assert world(1).companies == first.companies
    assert world(2).people != first.people
    assert (len(first.companies), len(first.people)) == (2_000, 20_000)


def test_every_address_and_number_is_reserved():
    for company in world().companies:
        assert re.fullmatch(r"[a-z0-9-]+\.(example|test)", company.domain)
    for person in world().people:
        assert person.address.rpartition("@")[2] == person.company.domain
        if person.phone:
            assert re.fullmatch(r"\+1[2-9]\d{2}55501\d\d", person.phone)


def test_nobody_shares_an_identifier():
    people, companies = world().people, world().companies
    for values in (
        [person.slug for person in people],
        [person.address for person in people],
        [person.person_id for person in people],
        [person.phone for person in people if person.phone],
    ):
        assert len(set(values)) == len(values)
    assert len({company.domain for company in companies}) == len({company.name for company in companies}) == 2_000


@pytest.mark.parametrize("number", [0, 17, 9_876, 19_999])
def test_a_person_is_found_by_every_identifier(number):
    person = world().people[number]
    assert isinstance(person, Person)
    name = {"first_name": person.first_name, "last_name": person.last_name.upper()}
    for given in (
        {"linkedin_url": person.linkedin_url},
        {"linkedin_url": f"https://de.linkedin.com/in/{person.slug.upper()}/?trk=x"},
        {"linkedin_url": person.slug},
        {"email": person.address.upper()},
        {"person_id": person.person_id},
        name | {"company_domain": f"https://www.{person.company_domain}/about"},
    ):
        assert world().find_person(given) is person
    by_company = world().find_person(name | {"company_name": person.company_name})
    assert (by_company.full_name, by_company.company) == (person.full_name, person.company)
    elsewhere = world().companies[0].domain
    assert world().find_person(name | {"company_domain": elsewhere}) is None


def test_a_company_is_found_by_every_identifier():
    company = next(each for each in world().companies[25:] if each.ticker)
    assert world().find_company(domain=f"https://www.{company.domain}/") is company
    assert world().find_company(company_id=company.company_id) is company
    assert world().find_company(ticker=company.ticker.lower()) is company
    assert world().find_company(name=company.name.upper()) is company
    assert world().find_company(name=company.name[:-1]) is company
    assert world().find_company(ticker="NOSUCH", name=company.name) is company
    assert world().find_company(name="Entirely Different Words") is None
    assert world().find_company(domain="example-17.test").name == "Example 17"


def test_what_is_found_follows_the_last_digit_in_both_directories():
    for number in range(100, 110):
        outcomes = [
            contact_directory.outcome_of(person, "full")
            for person in (contact_directory.DirectoryContact(number), world().people[number])
        ]
        assert len({(found.email_status, bool(found.email), bool(found.phone)) for found in outcomes}) == 1
    assert contact_directory.outcome_of(world().people[199], "full").failed


def test_filters_accept_any_of_their_values_and_a_result_passes_all():
    filters = {"titles": ["vp of", "chief"], "location_country": ["germany"], "company_headcount": ["51-200"]}
    found = search.find_people(1, filters)
    expected = [
        person
        for person in world().people
        if ("VP of" in person.title or "Chief" in person.title)
        and person.country == "Germany"
        and person.company.employee_count_range == "51-200"
    ]
    assert found == expected
    assert 0 < len(found) < 1000
    assert search.find_people(1, {"titles": ["   "]}) == []


@pytest.mark.parametrize("people", [True, False])
def test_every_listed_value_of_a_filter_finds_something(people):
    find = search.find_people if people else search.find_companies
    for name, values in search.filter_values(1, people=people).items():
        for value in values[:5]:
            assert find(1, {name: [value]}), (name, value)
