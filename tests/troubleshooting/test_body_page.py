import html
import io
import json
import logging
import zipfile

import pytest
from django.urls import reverse

from tests.keys.conftest import text_of
from tests.security.world import everything
from troubleshooting.body.validation import validate_body

ADA = {"linkedin_url": "https://www.linkedin.com/in/ada"}
SECRET = "ada.lovelace@analytical.example"


@pytest.fixture
def page(client, viewer, workspace):
    client.force_login(viewer)
    return reverse("troubleshoot_body", args=[workspace.slug])


@pytest.fixture
def split(client, viewer, workspace):
    client.force_login(viewer)
    url = reverse("troubleshoot_batches", args=[workspace.slug])
    return lambda body, **more: client.post(url, {"body": json.dumps(body), **more})


def test_the_page_asks_for_a_body(client, page):
    text = text_of(client.get(page))
    assert "Request body" in text
    assert "doesn't store or forward" in text


def test_every_bad_contact_is_listed_with_its_index_its_line_and_what_to_do(client, page):
    body = '{"contacts": [\n{"linkedin_url": "https://www.linkedin.com/in/ada"},\n{"first_name": "Ada"}\n]}'
    text = text_of(client.post(page, {"body": body}))
    assert "Cleanlist would return 422 for this body" in text
    assert "contacts[1] doesn't identify a person: last_name and company_domain or company_name" in text
    assert 'data-line="3"' in text
    assert "or linkedin_url instead" in text
    assert '"first_name": "Ada"' in html.unescape(text)  # what was pasted is still in its field


def test_a_good_body_is_told_what_it_can_cost(client, page):
    text = text_of(client.post(page, {"body": json.dumps({"contacts": [ADA] * 2, "enrichment_type": "full"})}))
    assert "Valid request" in text
    assert "2 contacts, type full: at most 22 credits" in text


def test_htmx_gets_the_verdict_alone(client, page):
    text = text_of(client.post(page, {"body": "{"}, headers={"HX-Request": "true"}))
    assert "It is not" not in text
    assert "Invalid JSON at line" in text
    assert "<html" not in text


def test_many_findings_are_cut_and_the_rest_is_counted(client, page):
    text = text_of(client.post(page, {"body": json.dumps({"contacts": [{}] * 5000})}))
    assert text.count("doesn't identify a person") == 100
    assert "5,000 problems to fix" in text
    assert "And 4,901 more like this." in text


def test_a_pasted_body_is_stored_and_logged_nowhere(client, page, caplog):
    caplog.set_level(logging.DEBUG)
    before = everything()
    body = json.dumps({"contacts": [{"email": SECRET, "first_name": 7}] * 300, SECRET: 1})
    for url in (page, page + "batches/"):
        assert client.post(url, {"body": body, "format": "zip"}).status_code == 200
    assert everything() == before
    assert SECRET not in caplog.text


@pytest.mark.parametrize("file_format", ["zip", "jsonl"])
def test_too_many_contacts_come_back_as_bodies_that_are_taken(split, file_format):
    contacts = [{"linkedin_url": f"https://www.linkedin.com/in/{number}"} for number in range(601)]
    body = {"enrichment_type": "full", "contacts": contacts, "webhook_url": "https://hooks.example.com"}
    answer = split(body, format=file_format)
    assert answer["Content-Disposition"] == f'attachment; filename="enrich-bulk-601-contacts.{file_format}"'
    content = answer.getvalue()
    if file_format == "zip":
        archive = zipfile.ZipFile(io.BytesIO(content))
        assert archive.testzip() is None
        assert archive.namelist() == ["body-1-of-3.json", "body-2-of-3.json", "body-3-of-3.json"]
        texts = [archive.read(name).decode() for name in archive.namelist()]
    else:
        texts = content.decode().splitlines()
    assert [len(json.loads(text)["contacts"]) for text in texts] == [250, 250, 101]
    assert [one for text in texts for one in json.loads(text)["contacts"]] == contacts
    assert all(validate_body(text).accepted for text in texts)
    assert {json.loads(text)["webhook_url"] for text in texts} == {"https://hooks.example.com"}
    assert split(body, format=file_format).getvalue() == content


@pytest.mark.parametrize("contacts", [[ADA], [{}] * 300])
def test_what_cannot_be_split_is_answered_with_the_verdict(split, contacts):
    answer = split({"contacts": contacts}, format="zip")
    assert "Content-Disposition" not in answer
    assert "Cleanlist" in text_of(answer)


def test_the_download_is_offered_only_where_it_helps(client, page):
    assert "Download" not in text_of(client.post(page, {"body": json.dumps({"contacts": [{}] * 300})}))
    text = text_of(client.post(page, {"body": json.dumps({"contacts": [ADA] * 300})}))
    assert "The same contacts in 2 bodies" in text


def test_the_page_reads_as_much_however_long_the_body(client, page, django_assert_num_queries):
    for count in (10, 20, 5000):
        with django_assert_num_queries(7):
            client.post(page, {"body": json.dumps({"contacts": [{}] * count})})
