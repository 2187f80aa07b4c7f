"""Each kind of fault on each page and command: a useful message, nothing lost, nothing a 500."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist import Secret
from core.encryption import EncryptedValue
from keys.forms import REVOKE_ALL_PHRASE
from keys.models import ApiKey, KeyCreation
from workspaces.models import Action, AuditEvent, ManagementSession, Outcome, Poll
from workspaces.services import refresh

from .conftest import add_session, text_of

KEYS = "/api/v1/api-keys"
OUT_OF_REACH = "Can't reach Cleanlist"
NOT_THE_API = "Unexpected response from the API"
OWN_PROBLEM = "server error"
# Each fault, what a person must read of it, and whether the command's outcome is open after it.
FAULTS = {
    "500": ({"kind": "status", "status": 500}, OWN_PROBLEM, True),
    "503": ({"kind": "status", "status": 503}, OWN_PROBLEM, True),
    "429 with a wait": ({"kind": "status", "status": 429, "retry_after": 30}, "Rate limited until", False),
    "429 without": ({"kind": "status", "status": 429}, "Rate limited", False),
    "401": ({"kind": "status", "status": 401}, "did not accept the credential", False),
    "403": ({"kind": "status", "status": 403}, "Cleanlist denied this", False),
    "404": ({"kind": "status", "status": 404}, "Not found in Cleanlist", False),
    "400": ({"kind": "status", "status": 400}, "", False),
    "drop": ({"kind": "drop"}, OUT_OF_REACH, True),
    "hang": ({"kind": "hang"}, "did not respond in time", True),
    "HTML of a proxy": ({"kind": "html"}, OWN_PROBLEM, True),
    "HTML that says 200": ({"kind": "html", "status": 200}, NOT_THE_API, True),
    "empty": ({"kind": "empty"}, NOT_THE_API, True),
    "truncated": ({"kind": "truncated"}, NOT_THE_API, True),
}
COMMANDS = ["create", "revoke", "revoke_selected", "revoke_all"]
PAGES = ["list", "new", "revoke_all", "detail", "requests", "revoke"]


def give(console, command, key):
    """Give a command and return the page that answers."""
    if command == "create":
        return console.post("new", data={"name": "Wanted", "expiry": "90", "form_id": str(uuid.uuid4())})
    if command == "revoke":
        return console.post("revoke", key.key_id)
    if command == "revoke_selected":
        return console.post("revoke_selected", data={"key": [str(key.key_id)]})
    return console.post("revoke_all", data={"phrase": REVOKE_ALL_PHRASE})


def recover(console, sandbox):
    """End the fault, renew what it cost, and read the list again."""
    sandbox.control("faults", method="DELETE")
    ManagementSession.objects.update(rejected_at=None)
    Poll.objects.update(paused_reason="")
    assert refresh(console.workspace, "keys").ok


def upstream(sandbox):
    with sandbox.session() as session:
        return {row["id"]: row["is_active"] for row in session.get(KEYS).json()}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_faulty_upstream_costs_no_truth(console, sandbox, command, fault):
    injected, words, is_open = FAULTS[fault]
    key = console.create(name="There before").context["key"]
    sandbox.control("faults", {"path": KEYS, **injected})
    page = give(console, command, key)

    assert page.status_code in {200, 422}
    assert words in text_of(page)
    key.refresh_from_db()
    assert key.is_active, "struck although upstream never agreed"
    event = AuditEvent.objects.filter(action__startswith="key:").exclude(action=Action.KEY_SECRET_SEEN).last()
    assert (event.outcome == Outcome.UNKNOWN) == (
        is_open or (fault == "404" and command.startswith("revoke") and command != "revoke_all")
    )
    recover(console, sandbox)
    known = dict(ApiKey.objects.filter(gone_at=None).values_list("upstream_id", "is_active"))
    assert known == upstream(sandbox)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_pages_answer_from_the_mirror_whatever_upstream_does(console, sandbox, fault):
    key = console.create(name="There before").context["key"]
    sandbox.control("faults", {"path": KEYS, **FAULTS[fault][0]})
    refresh(console.workspace, "keys")
    for name in PAGES:
        arguments = [key.key_id] if name in {"detail", "requests", "revoke"} else []
        page = console.get(name, *arguments)
        assert page.status_code == 200
        assert "There before" in text_of(page) or name == "new"
    assert FAULTS[fault][1] in text_of(console.get("list")) or fault == "401"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault",
    [{"kind": "drop"}, {"kind": "hang", "seconds": 2}, {"kind": "html"}, {"kind": "empty"}, {"kind": "truncated"}],
)
def test_a_key_whose_answer_was_lost_is_found_and_offered_for_revoking(console, sandbox, fault):
    kept = {} if fault["kind"] == "truncated" else {"after": True}
    sandbox.control("faults", {"path": KEYS, "method": "POST", "times": 1, **fault, **kept})
    page = text_of(console.create(name="Orphan"))
    orphan = console.key(name="Orphan", is_active=True)
    assert "shows that the key was created" in page
    assert console.url("revoke", orphan.key_id) in page
    assert orphan.secret_state == ApiKey.SecretState.UNSEEN
    assert "its secret was never shown to you" in text_of(console.get("list"))
    console.post("revoke", orphan.key_id)
    assert "never shown" not in text_of(console.get("list"))


def test_an_answer_lost_before_anything_was_created_is_looked_for_and_then_given_up(console, sandbox):
    sandbox.control("faults", {"path": KEYS, "method": "POST", "times": 1, "kind": "drop"})
    page = text_of(console.create(name="Never made"))
    assert "shows no such key so far" in page
    assert "Not confirmed yet: was <bdi>Never made</bdi> created?" in text_of(console.get("list"))
    KeyCreation.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    refresh(console.workspace, "keys")
    assert KeyCreation.objects.get(name="Never made").state == KeyCreation.State.NOTHING_CREATED
    assert "Never made" not in text_of(console.get("list"))


@pytest.mark.usefixtures("impatient")
def test_a_revocation_of_unknown_outcome_is_settled_by_the_list(console, sandbox):
    key = console.create(name="Doomed").context["key"]
    sandbox.control("faults", {"path": "*/revoke", "kind": "drop", "after": True})
    assert "1 key revoked" in text_of(console.post("revoke", key.key_id))
    key.refresh_from_db()
    assert key.revoked_by == console.user


@pytest.mark.usefixtures("impatient")
def test_a_revocation_that_did_not_happen_is_still_active(console, sandbox):
    key = console.create(name="Survivor").context["key"]
    sandbox.control("faults", {"path": "*/revoke", "kind": "drop"})
    page = text_of(console.post("revoke", key.key_id))
    assert "Still active" in page
    assert "The list has synced since then and shows the key as active" in page
    assert "Status unknown" not in page
    assert "Try again" in page


def test_an_upstream_that_nobody_reaches_at_all(mirror):
    add_session(mirror.workspace, session_id="sess_1", client_token=EncryptedValue.encrypt(Secret("t")))
    page = mirror.post("new", data={"name": "x", "expiry": "never", "form_id": str(uuid.uuid4())})
    assert page.status_code in {200, 422}
