"""After a command the list that the command itself read decides, and what is not known is called so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys import sync
from keys.forms import REVOKE_ALL_PHRASE
from keys.models import ApiKey
from keys.services import revoke as revoke_service
from keys.services.key_list import ListedKeys
from keys.services.revoke import RevokeVerdict
from workspaces.models import Action, AuditEvent, Outcome, Poll

from .conftest import make_key, text_of

HTMX = {"HX-Request": "true"}
MOVES = [timedelta(seconds=40), timedelta(hours=1), timedelta(days=30)]


def outcome(action=Action.KEY_REVOKED):
    return AuditEvent.objects.filter(action=action).latest("pk").outcome


@pytest.mark.parametrize("ahead", MOVES)
def test_a_key_dated_ahead_is_revoked_and_said_to_be(console, ahead):
    key = console.create(name="Doomed").context["key"]
    ApiKey.objects.update(read_at=timezone.now() + ahead)
    assert "1 key revoked" in text_of(console.post("revoke", key.key_id))
    key.refresh_from_db()
    assert (key.is_active, outcome()) == (False, Outcome.SUCCEEDED)


@pytest.mark.parametrize("again", [False, True])
def test_a_key_that_is_not_listed_for_the_session_is_not_known_to_be_revoked(console, again):
    key = make_key(console.workspace, "Of another user")
    if again:
        console.post("revoke", key.key_id)
    answer = console.post("revoke", key.key_id, headers=HTMX)
    assert "toast" not in answer.headers["HX-Trigger"]
    assert "Unknown" in text_of(answer)
    assert "so its status is unknown" in text_of(answer)
    assert outcome() == Outcome.UNKNOWN


def revoke(workspace, listed, verdict, **facts):
    result = revoke_service.RevokeResult(make_key(workspace, **facts), verdict)
    revoke_service._compare_with_list(result, ListedKeys({} if listed is None else {result.key.upstream_id: listed}))
    return result


# What the answer told, what the list read since shows (None: not listed), and what is known then.
SETTLED = [
    (RevokeVerdict.UNKNOWN, False, RevokeVerdict.REVOKED),
    (RevokeVerdict.UNKNOWN, True, RevokeVerdict.FAILED),
    (RevokeVerdict.UNKNOWN, None, RevokeVerdict.UNKNOWN),
    (RevokeVerdict.FAILED, False, RevokeVerdict.ALREADY),
    (RevokeVerdict.FAILED, True, RevokeVerdict.FAILED),
    (RevokeVerdict.FAILED, None, RevokeVerdict.UNKNOWN),
    (RevokeVerdict.REVOKED, False, RevokeVerdict.REVOKED),
    (RevokeVerdict.REVOKED, True, RevokeVerdict.FAILED),
    (RevokeVerdict.REVOKED, None, RevokeVerdict.REVOKED),
    (RevokeVerdict.ALREADY, False, RevokeVerdict.ALREADY),
    (RevokeVerdict.ALREADY, True, RevokeVerdict.FAILED),
    (RevokeVerdict.ALREADY, None, RevokeVerdict.ALREADY),
    (RevokeVerdict.NOT_TRIED, False, RevokeVerdict.NOT_TRIED),
    (RevokeVerdict.NOT_TRIED, True, RevokeVerdict.NOT_TRIED),
    (RevokeVerdict.NOT_TRIED, None, RevokeVerdict.NOT_TRIED),
]


@pytest.mark.parametrize(("answered", "listed", "settled"), SETTLED)
@pytest.mark.parametrize("mirrored", [True, False])
def test_the_commands_own_list_decides_whatever_the_mirror_shows(workspace, answered, listed, settled, mirrored):
    assert revoke(workspace, listed, answered, is_active=mirrored).verdict is settled


def test_an_expired_key_whose_revocation_was_refused_is_not_called_revoked(workspace):
    over = timezone.now() - timedelta(days=1)
    assert revoke(workspace, False, RevokeVerdict.FAILED, expires_at=over).verdict is RevokeVerdict.FAILED


def test_of_a_key_that_a_list_with_unreadable_records_lacks_nothing_is_said(workspace):
    result = revoke_service.RevokeResult(make_key(workspace), RevokeVerdict.UNKNOWN)
    revoke_service._compare_with_list(result, ListedKeys({}, is_complete=False))
    assert (result.verdict, result.is_unlisted) == (RevokeVerdict.UNKNOWN, False)


def revoke_all(console):
    return text_of(console.post("revoke_all", data={"phrase": REVOKE_ALL_PHRASE}))


def make_upstream(sandbox, name):
    with sandbox.session() as session:
        session.post("/api/v1/api-keys", json={"name": name}).raise_for_status()


def test_revoking_all_lists_a_key_that_was_made_elsewhere_a_moment_before(console, sandbox):
    console.create(name="Known here")
    make_upstream(sandbox, "Made elsewhere")
    page = revoke_all(console)
    assert "2 keys revoked" in page
    assert "Made elsewhere" in page
    made = console.key(name="Made elsewhere", is_active=False)
    assert made.revoked_by == console.user
    event = AuditEvent.objects.get(action=Action.KEYS_ALL_REVOKED)
    assert made.upstream_id in event.details["revoked"]
    assert len(event.details["revoked"]) == 2


def test_a_mirror_that_is_behind_is_read_first_so_that_old_revocations_are_not_claimed(console, sandbox):
    console.create(name="Known here")
    make_upstream(sandbox, "Old one")
    with sandbox.session() as session:
        session.post("/api/v1/api-keys/revoke-all").raise_for_status()
    make_upstream(sandbox, "New one")
    Poll.objects.update(last_success_at=timezone.now() - timedelta(hours=1))
    page = revoke_all(console)
    assert "New one" in page
    assert "Old one" not in page
    assert console.key(name="Old one", is_active=False).revoked_by is None


def test_what_a_command_read_itself_counts_though_a_worker_takes_the_lease_of_the_list(console, sandbox, monkeypatch):
    sandbox.control("faults", {"path": "/api/v1/api-keys", "method": "POST", "times": 1, "kind": "drop"})
    land = sync.ingest_full_list

    def ingest_after_a_worker_came(*arguments, **options):
        Poll.objects.filter(resource="keys").update(leased_until=timezone.now() + timedelta(seconds=60))
        land(*arguments, **options)

    monkeypatch.setattr(sync, "ingest_full_list", ingest_after_a_worker_came)
    page = text_of(console.create(name="Lost"))
    assert "shows no such key so far" in page
    assert "couldn't be synced either" not in page
