"""Who gets what at every address. A new address fails here until it has a row."""

import re

import pytest
from django.test import Client

from tests.fixtures import PASSWORD

from .probe_requests import probe, rolled_back, send_request
from .sign_in import sign_in
from .url_names import PARTS, bare_name, url_for
from .url_table import WHO, rows
from .world import ELSEWHERE, World

pytestmark = pytest.mark.django_db
ROWS = list(rows())
NAMES = [f"{method} {name}" for name, method, *_ in ROWS]
METHODS = {name: {method for other, method, *_ in ROWS if bare_name(other) == name} for name in PARTS}
REFUSED = {"in", "403", "404", "405"}
# GET shows something that has to be on record.
RECORDED_READS = {"mfa_view_recovery_codes", "mfa_download_recovery_codes"}
IN_A_WORKSPACE = [row for row in ROWS if "slug" in PARTS[bare_name(row[0])]]
ASKING = [row[:3] for row in ROWS if row[3] == "confirm"]
TWO_DAYS = 2 * 24 * 60
NAMED_PARTS = {"pk", "key_id", "check_id", "job_id", "membership_id", "invitation_id"}


@pytest.fixture(scope="module")
def made_once(django_db_setup, django_db_blocker, refusing_upstream):
    """One world for all questions here: whatever one leads to is taken back before the next."""
    with django_db_blocker.unblock(), rolled_back():
        yield World(refusing_upstream)


@pytest.fixture
def world(made_once, db, refusing_upstream, settings):
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, refusing_upstream.url]
    return made_once


def is_asked(response):
    """Whether the answer leads to confirming who it is, and from there to somewhere else."""
    location = response.get("Location", "") if response.status_code == 302 else ""
    return location.startswith("/accounts/confirm/") and "next=" in location


def test_every_address_has_a_row_and_every_row_an_address():
    assert {bare_name(name) for name, *_ in ROWS} == set(PARTS)


def test_every_row_says_whether_it_asks_again_who_it_is_and_a_command_why_not():
    for name, method, _, says in ROWS:
        answer, _, reason = says.partition(": ")
        assert answer in {"confirm", "no"}, name
        assert reason or answer == "confirm" or method == "GET", name


def test_a_command_that_is_allowed_is_seen_to_change_something_and_is_taken_back(world):
    for _ in range(2):
        answer = probe(world, "owner", "workspaces:change_role", "POST")
        assert (answer.status, answer.changed) == ("302", True)


@pytest.mark.parametrize(("name", "method", "expected", "says"), ROWS, ids=NAMES)
def test_each_gets_the_answer_in_the_table_and_a_refusal_changes_nothing(world, name, method, expected, says):
    answers = {who: probe(world, who, name, method) for who in WHO}
    assert {who: answer.status for who, answer in answers.items()} == expected
    for who, answer in answers.items():
        if answer.status in REFUSED or (method == "GET" and name not in RECORDED_READS):
            assert not answer.changed, f"{who} changed something"
            assert not answer.calls, f"{who} reached upstream"


@pytest.mark.parametrize("name", [name for name in PARTS if len(METHODS[name]) == 1])
def test_another_method_does_nothing(world, name):
    (method,) = {"GET", "POST"} - METHODS[name]
    for who in ("owner", "admin"):
        answer = probe(world, who, name, method)
        assert (answer.status, answer.changed, answer.calls) == ("405", False, [])


@pytest.mark.parametrize("name", [name for name in PARTS if METHODS[name] == {"POST"}])
def test_what_only_takes_forms_leads_a_browser_back_to_a_page(world, name):
    browser = Client()
    sign_in(browser, world.people["admin"])
    page = browser.get(url_for(name, world.names), headers={"accept": "text/html"})
    assert page.status_code == 405
    for _ in range(2):  # above a form for another form
        back = re.search(r'button--primary" href="([^"]+)"', page.content.decode())[1]
        page = browser.get(back, headers={"accept": "text/html"}, follow=True)
        if page.status_code != 405:
            break
    assert page.status_code == 200, back


@pytest.mark.parametrize(("name", "method", "expected", "says"), ROWS, ids=NAMES)
def test_who_signed_in_two_days_ago_is_asked_again_where_the_row_says_so(world, name, method, expected, says):
    everybody = [who for who, status in expected.items() if status not in REFUSED and who != "out"]
    for who in everybody if says == "confirm" else {"owner", "admin"} & set(everybody):
        answer = probe(world, who, name, method, minutes_ago=TWO_DAYS)
        assert is_asked(answer.response) == (says == "confirm"), who
        assert not (is_asked(answer.response) and (answer.changed or answer.calls))


@pytest.mark.parametrize(("name", "method", "expected"), ASKING, ids=[f"{method} {name}" for name, method, _ in ASKING])
def test_who_has_confirmed_can_do_what_they_were_asked_for(world, name, method, expected):
    client = Client()
    with rolled_back():
        sign_in(client, world.people["admin"], minutes_ago=TWO_DAYS)
        confirm = send_request(client, world, name, method)["Location"]
        assert client.post(confirm, {"password": PASSWORD}).status_code == 302
        answer = send_request(client, world, name, method)
        assert (str(answer.status_code), is_asked(answer)) == (expected["admin"], False)


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name, method, *_ in IN_A_WORKSPACE if NAMED_PARTS & set(PARTS[bare_name(name)])],
)
def test_what_belongs_to_another_workspace_is_not_found_under_ones_own(world, name, method):
    names = {**world.names, "slug": ELSEWHERE}
    for who in ("elsewhere", "admin"):
        answer = probe(world, who, name, method, names=names)
        assert (answer.status, answer.changed, answer.calls) == ("404", False, [])


@pytest.mark.parametrize("name", sorted({bare_name(name) for name, *_ in IN_A_WORKSPACE}))
def test_a_workspace_that_does_not_exist_and_one_of_others_look_the_same(world, name):
    method = min(METHODS[name])
    answers = [
        probe(world, "stranger", name, method, names={**world.names, "slug": slug}).response
        for slug in ("example-works", "no-such-works")
    ]
    assert answers[0].content.replace(b"example-works", b"no-such-works") == answers[1].content
    assert b"Example Works" not in answers[0].content
