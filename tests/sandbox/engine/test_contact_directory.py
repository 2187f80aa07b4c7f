from decimal import Decimal

import pytest

from sandbox.enrichment import contact_directory
from sandbox.enrichment.contact_directory import DirectoryContact


def test_the_contact_of_the_documentation_is_found_by_every_identifier():
    contact = DirectoryContact(42)
    ways = [
        {"linkedin_url": "linkedin.com/in/contact-0042"},
        {"linkedin_url": "https://www.linkedin.com/in/contact-0042/?trk=x"},
        {"email": "contact-0042@example-17.test"},
        {"first_name": "Contact", "last_name": "0042", "company_domain": "example-17.test"},
        {"first_name": "contact", "last_name": "0042", "company_name": "Example 17"},
    ]
    assert [contact_directory.find_contact(way) for way in ways] == [contact] * len(ways)


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
def test_unknown_contacts_have_empty_and_free_results(given):
    found = contact_directory.enrich_contact(given, "full")
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
def test_only_results_are_charged(number, enrichment_type, cost):
    given = {"linkedin_url": DirectoryContact(number).linkedin_url}
    assert contact_directory.enrich_contact(given, enrichment_type).cost == Decimal(cost)


def test_no_contact_costs_more_than_its_reservation():
    for number in range(contact_directory.CONTACTS):
        given = {"linkedin_url": DirectoryContact(number).linkedin_url}
        for kind in contact_directory.ENRICHMENT_TYPES:
            assert contact_directory.enrich_contact(given, kind).cost <= contact_directory.highest_cost(kind)


def test_all_contacts_are_visibly_synthetic():
    contacts = [DirectoryContact(number) for number in range(contact_directory.CONTACTS)]
    assert all(contact.company_domain.endswith(".test") for contact in contacts)
    assert all(contact.phone is None or contact.phone[5:10] == "55501" for contact in contacts)
