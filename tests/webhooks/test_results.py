"""A result as pages and files tell it: whatever upstream sends, masked or in clear."""

import csv
import json

import pytest

from cleanlist import EnrichmentStatus
from webhooks import results

PERSON = {
    "task_id": "t1",
    "status": "completed",
    "primary_email": "ada.example@example.test",
    "primary_email_status": "valid",
    "personal_phone_numbers": ["+1 555 0100", "+49 30 123456"],
    "prospect": {"first_name": "Ada", "last_name": "Example", "title": "CTO", "linkedin_url": "https://l.test/in/a"},
    "company": {"name": "Example", "domain": "example.test"},
}


def result_of(*contacts, **facts):
    return results.parse_result("public_bulk_1", EnrichmentStatus(status="completed", results=contacts, **facts))


def test_masked_contacts_show_what_was_found_but_not_the_person():
    (contact,) = result_of(PERSON).masked

    assert contact.full_name == "A•••"
    assert contact.primary_email == "a•••@example.test"
    assert contact.personal_phone_numbers == "•••00; •••56"
    assert (contact.company, contact.primary_email_status) == ("Example", "valid")
    assert not {"Ada", "ada.example", "555", "CTO", "l.test"} & set(" ".join(contact).replace("@", " ").split())


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"prospect": None, "company": "x", "personal_phone_numbers": None},
        {"prospect": ["x"], "primary_email": {"a": 1}, "personal_phone_numbers": [{"n": 1}, None, 7]},
        {"primary_email": "x" * 10_000, "status": "\x00\ud800", "personal_phone_numbers": "12"},
    ],
)
def test_whatever_upstream_sends_becomes_text(hostile):
    found = result_of(hostile)
    for contact in (*found.contacts, *found.masked):
        assert all(isinstance(cell, str) and len(cell) <= 500 for cell in contact)
    assert "".join(results.to_csv(found)).encode()
    assert json.loads("".join(results.to_json(found)))["event"] == "enrichment.completed"


def test_the_file_has_a_line_for_each_contact_and_no_formula():
    lines = list(
        csv.DictReader(
            "".join(results.to_csv(result_of(PERSON, {"task_id": "=1+1"}))).removeprefix("\ufeff").splitlines()
        )
    )
    assert [line["task_id"] for line in lines] == ["t1", "'=1+1"]
    assert lines[0]["personal_phone_numbers"] == "'+1 555 0100; +49 30 123456"


@pytest.mark.parametrize(("text", "masked"), [("", ""), ("a@b", "a•••@b"), ("@b", "•••@b"), ("no address", "n•••")])
def test_an_address_keeps_its_first_letter_and_its_domain(text, masked):
    assert results.mask_email(text) == masked


@pytest.mark.parametrize(("status", "finished"), [("completed", True), ("processing", False), ("failed", True)])
def test_a_result_says_whether_it_is_all(status, finished):
    assert results.parse_result("x", EnrichmentStatus(status=status)).is_finished is finished


@pytest.mark.django_db
def test_only_operators_may_see_contact_data_in_clear(hooks):
    hooks.ingest()
    url = hooks.url("result", "public_bulk_1")

    assert hooks.http.post(url, {"reveal": "1"}).status_code == 403
    assert hooks.http.post(f"{url}file/", {"format": "csv"}).status_code == 403
    assert hooks.http.post(hooks.url("result", "unknown")).status_code == 404


def test_a_person_of_the_newer_surface_is_shown_like_one_of_a_webhook():
    flat = {
        "lead_id": "l1", "status": "completed", "full_name": "Ada Example", "email": "ada@example.test",
        "email_status": "reliable", "phone": "+1 555 0100", "title": "CTO", "company": "Example",
    }  # fmt: skip
    status = EnrichmentStatus(status="completed", result=flat)
    (contact,) = results.parse_result("enrich-1", status).contacts
    assert (contact.full_name, contact.primary_email, contact.company) == ("Ada Example", "ada@example.test", "Example")
    assert (contact.primary_email_status, contact.personal_phone_numbers) == ("reliable", "+1 555 0100")
