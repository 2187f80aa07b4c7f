"""A database that answers and not writable: pages say so, and the console counts as not ready."""

from itertools import count

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client

from config.health import probes
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
READ_ONLY = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
}


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


@pytest.fixture
def read_only():
    begin, end = READ_ONLY[connection.vendor]
    run(begin)
    probes.clear_cache()
    yield
    run(end)


@pytest.fixture
def full():
    """No page more than there is, and no free one among them: SQLite's own way to have a full disk."""
    run("VACUUM")
    (pages,) = run("PRAGMA page_count")
    run(f"PRAGMA max_page_count = {pages}")
    probes.clear_cache()
    yield
    run("PRAGMA max_page_count = 1073741823")


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


def sign_in(browser, person):
    return browser.post("/accounts/login/", {"login": person.email, "password": PASSWORD})


def test_signing_in_to_a_read_only_database_says_what_is_wrong(browser, viewer, read_only):
    answer = sign_in(browser, viewer)
    assert answer.status_code == 503
    assert "The database isn't responding or can't be written to" in answer.content.decode()


def test_a_console_on_a_read_only_database_is_not_ready(client, read_only):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "read-only" in answer.json()["checks"]["database"]


def fill_up(moment):
    for number in count():
        Session.objects.create(session_key=str(number), session_data="", expire_date=moment)


@pytest.mark.sqlite  # PostgreSQL's files are its server's
def test_a_full_disk_is_told_alike(browser, viewer, full):
    with pytest.raises(OperationalError, match="full"):
        fill_up(viewer.date_joined)
    answer = sign_in(browser, viewer)
    assert answer.status_code == 503
    assert "can't be written to" in answer.content.decode()
