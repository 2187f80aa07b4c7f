from decimal import Decimal

import pytest

from sandbox import directory
from sandbox.directory import Contact


def test_the_contact_of_the_documentation_is_found_by_every_identifier():
    contact = Contact(42)
    ways = [
        {"linkedin_url": "linkedin.com/in/contact-0042"},
        {"linkedin_url": "https://www.linkedin.com/in/contact-0042/?trk=x"},
        {"email": "contact-0042@example-17.test"},
        {"first_name": "Contact", "last_name": "0042", "company_domain": "example-17.test"},
        {"first_name": "contact", "last_name": "0042", "company_name": "Example 17"},
    ]
    assert [directory.look_up(way) for way in ways] == [contact] * len(ways)


@pytest.mark.parametrize(
    "given",
    [
        {"linkedin_url": "https://www.linkedin.com/in/somebody-else"},
        {"linkedin_url": "https://www.linkedin.com/in/contact-2000"},
        {"linkedin_url": "https://example.test/"},
        {"email": "contact-0042@example-3.test"},
        {"first_name": "Contact", "last_name": "0042", "company_domain": "example-3.test"},
        {"first_name": "Contact", "last_name": "٠٠٤٢", "company_name": "Example 17"},
        {"first_name": 7, "last_name": None, "company_name": ["Example 17"]},
    ],
)
def test_unknown_contacts_come_back_empty_and_free(given):
    found = directory.enrich(given, "full")
    assert (found.contact, found.email, found.phone, found.cost) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("number", "enrichment_type", "cost"),
    [
        (42, "none", 0),
        (42, "partial", 1),
        (42, "phone_only", 10),
        (42, "full", 11),
        (105, "full", 1),
        (8, "full", 10),
        (8, "partial", 0),
        (19, "full", 0),
        (99, "full", 0),
    ],
)
def test_only_what_was_found_is_charged(number, enrichment_type, cost):
    given = {"linkedin_url": Contact(number).linkedin_url}
    assert directory.enrich(given, enrichment_type).cost == Decimal(cost)


def test_no_contact_costs_more_than_was_reserved_for_it():
    for number in range(directory.CONTACTS):
        given = {"linkedin_url": Contact(number).linkedin_url}
        for kind in directory.ENRICHMENT_TYPES:
            assert directory.enrich(given, kind).cost <= directory.highest_cost(kind)


def test_everybody_is_visibly_synthetic():
    contacts = [Contact(number) for number in range(directory.CONTACTS)]
    assert all(contact.company_domain.endswith(".test") for contact in contacts)
    assert all(contact.phone is None or contact.phone[5:10] == "55501" for contact in contacts)
