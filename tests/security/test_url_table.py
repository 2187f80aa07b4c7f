"""Who gets what at every address. A new address fails here until it has a row."""

import pytest

from .addresses import PARTS
from .asking import ask, undone
from .url_table import WHO, rows
from .world import ELSEWHERE, World

pytestmark = pytest.mark.django_db
ROWS = list(rows())
NAMES = [f"{method} {name}" for name, method, *_ in ROWS]
METHODS = {name: {method for other, method, *_ in ROWS if other == name} for name in PARTS}
REFUSED = {"in", "403", "404", "405"}
# GET shows something that has to be on record.
RECORDED_READS = {"mfa_view_recovery_codes", "mfa_download_recovery_codes"}
IN_A_WORKSPACE = [row for row in ROWS if "slug" in PARTS[row[0]]]
NAMED_PARTS = {"pk", "key_id", "check_id", "job_id", "membership_id", "invitation_id"}


@pytest.fixture(scope="module")
def made_once(django_db_setup, django_db_blocker, refusing_upstream):
    """One world for all questions here: whatever one leads to is taken back before the next."""
    with django_db_blocker.unblock(), undone():
        yield World(refusing_upstream)


@pytest.fixture
def world(made_once, db, refusing_upstream, settings):
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, refusing_upstream.url]
    return made_once


def test_every_address_has_a_row_and_every_row_an_address():
    assert {name for name, *_ in ROWS} == set(PARTS)


def test_a_command_that_is_allowed_is_seen_to_change_something_and_is_taken_back(world):
    for _ in range(2):
        answer = ask(world, "owner", "workspaces:change_role", "POST")
        assert (answer.status, answer.changed) == ("302", True)


@pytest.mark.parametrize(("name", "method", "expected", "confirm"), ROWS, ids=NAMES)
def test_each_gets_the_answer_in_the_table_and_a_refusal_changes_nothing(world, name, method, expected, confirm):
    answers = {who: ask(world, who, name, method) for who in WHO}
    assert {who: answer.status for who, answer in answers.items()} == expected
    for who, answer in answers.items():
        if answer.status in REFUSED or (method == "GET" and name not in RECORDED_READS):
            assert not answer.changed, f"{who} changed something"
            assert not answer.calls, f"{who} reached upstream"


@pytest.mark.parametrize("name", [name for name in PARTS if len(METHODS[name]) == 1])
def test_another_method_does_nothing(world, name):
    (method,) = {"GET", "POST"} - METHODS[name]
    for who in ("owner", "admin"):
        answer = ask(world, who, name, method)
        assert (answer.status, answer.changed, answer.calls) == ("405", False, [])


@pytest.mark.parametrize(("name", "method", "expected", "confirm"), ROWS, ids=NAMES)
def test_delicate_commands_ask_again_who_it_is(world, name, method, expected, confirm):
    for who in ("owner", "admin"):
        answer = ask(world, who, name, method, minutes_ago=60)
        asked = answer.status == "302" and answer.response["Location"].startswith("/accounts/confirm/")
        assert asked == (confirm and expected[who] != "403"), who
        assert not (asked and (answer.changed or answer.calls))


@pytest.mark.parametrize(
    ("name", "method"), [(name, method) for name, method, *_ in IN_A_WORKSPACE if NAMED_PARTS & set(PARTS[name])]
)
def test_what_belongs_to_another_workspace_is_not_found_under_ones_own(world, name, method):
    names = {**world.names, "slug": ELSEWHERE}
    for who in ("elsewhere", "admin"):
        answer = ask(world, who, name, method, names=names)
        assert (answer.status, answer.changed, answer.calls) == ("404", False, [])


@pytest.mark.parametrize("name", sorted({name for name, *_ in IN_A_WORKSPACE}))
def test_a_workspace_that_does_not_exist_and_one_of_others_look_the_same(world, name):
    method = min(METHODS[name])
    answers = [
        ask(world, "stranger", name, method, names={**world.names, "slug": slug}).response
        for slug in ("example-works", "no-such-works")
    ]
    assert answers[0].content.replace(b"example-works", b"no-such-works") == answers[1].content
    assert b"Example Works" not in answers[0].content
