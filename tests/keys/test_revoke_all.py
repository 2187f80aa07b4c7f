import pytest

from keys.forms import REVOKE_ALL_PHRASE
from keys.models import ApiKey
from workspaces.models import Action, AuditEvent, Outcome

from .conftest import add_session, make_key, text_of

PATH = "/api/v1/api-keys/revoke-all"


@pytest.fixture
def three(console):
    return [console.create(name=f"Key {number}").context["key"] for number in range(3)]


def command(console):
    return console.post("revoke_all", data={"phrase": REVOKE_ALL_PHRASE})


@pytest.mark.parametrize("phrase", ["", "revoke all", "Revoke all keys", "yes"])
def test_another_phrase_revokes_nothing(console, three, phrase):
    page = console.post("revoke_all", data={"phrase": phrase})
    assert page.status_code == 422
    assert "Nothing was revoked" in text_of(page)
    assert ApiKey.objects.active().count() == 3


def test_the_phrase_revokes_every_key_and_upstreams_words_are_shown(console, three):
    page = text_of(command(console))
    assert "3 keys revoked" in page
    assert "3 API key(s) revoked successfully" in page
    assert not ApiKey.objects.active().exists()


def test_a_key_that_the_console_did_not_know_goes_as_well(console, three, sandbox):
    with sandbox.session() as session:
        session.post("/api/v1/api-keys", json={"name": "Unknown here"}).raise_for_status()
    assert "4 API key(s)" in text_of(command(console))


def test_the_page_says_what_all_means(mirror):
    add_session(mirror.workspace, user_email="operations@example-works.test")
    make_key(mirror.workspace, "Production pipeline")
    page = text_of(mirror.get("revoke_all"))
    assert "every active key of operations@example-works.test" in page
    assert "This includes keys not listed here" in page
    assert "Production pipeline" in page


def test_the_audit_trail_tells_which_keys_went(console, three):
    command(console)
    event = AuditEvent.objects.get(action=Action.KEYS_ALL_REVOKED)
    assert event.outcome == Outcome.SUCCEEDED
    assert set(event.details["revoked"]) == {key.upstream_id for key in three}


def test_a_refused_command_claims_no_key_that_somebody_else_revoked(console, three, sandbox):
    with sandbox.session() as session:
        session.post(f"/api/v1/api-keys/{three[0].upstream_id}/revoke").raise_for_status()
    sandbox.control("faults", {"kind": "status", "status": 403, "path": PATH})
    page = text_of(command(console))
    assert "Already revoked" in page
    assert page.count("Still active") == 2
    three[0].refresh_from_db()
    assert three[0].revoked_by is None


def test_a_lost_answer_is_settled_by_the_list(console, three, sandbox):
    sandbox.control("faults", {"kind": "drop", "path": PATH, "after": True})
    page = text_of(command(console))
    assert "3 keys revoked" in page
    assert AuditEvent.objects.get(action=Action.KEYS_ALL_REVOKED).outcome == Outcome.SUCCEEDED


def test_a_lost_answer_with_no_list_either_is_called_unknown(console, three, sandbox):
    sandbox.control("faults", {"kind": "drop", "path": "/api/v1/api-keys"})
    page = text_of(command(console))
    assert "Not confirmed: some keys may still be active" in page
    assert page.count("Status unknown") == 3
    assert ApiKey.objects.active().count() == 3


def test_of_keys_that_may_be_somebody_elses_the_answer_alone_tells_nothing(console, three, sandbox):
    make_key(console.workspace, "From the light list", in_full=False)
    sandbox.control("faults", {"kind": "status", "status": 503, "path": "/api/v1/api-keys", "method": "GET"})
    page = text_of(command(console))
    assert "Not confirmed: some keys may still be active" in page
    assert ApiKey.objects.get(name="From the light list").is_active
