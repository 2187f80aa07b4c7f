"""The trail held against what was known of it elsewhere: what the database alone cannot tell."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests.fixtures import PASSWORD
from workspaces.audit import events, retention
from workspaces.audit.chain import Known, new_anchor, verify
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, AuditEvent, AuditHead, User

from .test_chain import by_hand

pytestmark = pytest.mark.django_db


@pytest.fixture
def grow(workspace):
    """Let some more events happen; return the last."""

    def grow_by(count):
        return [record_event(Action.REFRESHED, CONSOLE, workspace=workspace, number=n) for n in range(count)][-1]

    return grow_by


def state():
    head = AuditHead.objects.get()
    return f"{head.count}:{head.last_hash}"


def check(expected, capsys):
    """What `verify_audit --json` says, and why it fails if it does."""
    capsys.readouterr()
    try:
        call_command("verify_audit", "--json", "--expect", expected)
    except CommandError:
        assert not json.loads(capsys.readouterr().out)["holds"]
        raise
    return json.loads(capsys.readouterr().out)


def problems(expected):
    count, _, known = expected.partition(":")
    return [found.text for found in verify(Known(int(count), known))]


def empty_by_hand():
    by_hand("DELETE FROM workspaces_auditevent")
    by_hand("DELETE FROM workspaces_audithead")


def head_row():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count, last_hash, cut_count, cut_hash, seal FROM workspaces_audithead")
        return cursor.fetchone()


def put_back(row):
    by_hand(
        "UPDATE workspaces_audithead SET count = %s, last_hash = %s, cut_count = %s, cut_hash = %s, seal = %s", *row
    )


def test_the_command_prints_how_long_the_trail_is_and_how_it_ends(grow, capsys):
    last = grow(3)
    call_command("verify_audit", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == {"holds": True, "count": 3, "hash": last.hash, "cut_off": 0, "problems": []}


def test_a_trail_that_goes_on_from_what_is_expected_holds(grow, capsys):
    grow(3)
    expected = state()
    assert check(expected, capsys)["holds"]
    grow(2)
    assert check(expected, capsys)["count"] == 5


def test_an_old_head_put_back_over_a_shortened_trail_is_noticed(grow):
    grow(3)
    remembered = head_row()
    last = grow(3)
    expected = state()
    by_hand("DELETE FROM workspaces_auditevent WHERE id > %s", last.pk - 3)
    put_back(remembered)
    assert problems("3:" + remembered[1]) == []  # by itself the trail is as it was
    assert problems(expected) == ["6 events are known and 3 are there: the trail was set back, or removed"]


def test_a_trail_that_was_cut_and_has_grown_to_the_same_length_again_is_noticed(grow, capsys):
    grow(3)
    remembered = head_row()
    last = grow(3)
    expected = state()
    by_hand("DELETE FROM workspaces_auditevent WHERE id > %s", last.pk - 3)
    put_back(remembered)
    grow(4)
    assert list(verify()) == []
    with pytest.raises(CommandError, match="does not hold: 1 places"):
        check(expected, capsys)
    assert problems(expected) == ["event number 6 is not the known one: the trail was cut and written anew"]


def test_a_trail_that_was_removed_whole_is_noticed_by_itself(grow, owner):
    grow(3)
    empty_by_hand()
    told = ["no event is there, although accounts or workspaces are: the whole trail was removed"]
    assert [found.text for found in verify()] == told


def test_a_trail_that_was_removed_whole_and_has_begun_anew_is_noticed(grow):
    grow(3)
    expected = state()
    empty_by_hand()
    grow(1)
    assert problems(expected) == ["3 events are known and 1 are there: the trail was set back, or removed"]
    grow(2)
    assert problems(expected) == ["event number 3 is not the known one: the trail was cut and written anew"]


def test_removing_the_events_and_leaving_their_head_is_noticed(grow):
    grow(3)
    by_hand("DELETE FROM workspaces_auditevent")
    assert "3 events were written and 0 are there" in next(verify()).text


def test_removing_the_head_and_leaving_the_events_is_noticed(grow):
    grow(3)
    by_hand("DELETE FROM workspaces_audithead")
    assert "the record of how long the trail is was removed" in [found.text for found in verify()]


def test_a_console_without_anybody_has_no_trail_yet(db, capsys):
    call_command("verify_audit")
    assert "holds: 0 events" in capsys.readouterr().out


def test_the_first_account_begins_the_trail(db):
    User.objects.create_superuser("first@example.test", PASSWORD)
    assert list(verify()) == []
    assert AuditEvent.objects.values_list("action", "subject").get() == (Action.ACCOUNT_OPENED, "first@example.test")


@pytest.fixture
def pruned(grow, time_machine):
    """The state after 3, 6 and 9 events, of which the first six were cut off."""
    now = timezone.now()
    states = []
    for days in (900, 800, 0):
        time_machine.move_to(now - timedelta(days=days))
        grow(3)
        states.append(state())
    retention.prune(now - timedelta(days=450))
    return states


def test_counting_goes_on_over_what_retention_cut_off(pruned, capsys):
    assert check(pruned[2], capsys)["cut_off"] == 6
    assert check(pruned[1], capsys)["count"] == 10  # the cutting is an event itself
    assert problems("6:" + "0" * 64) == ["event number 6, the last that was cut off, was not the known one"]


def test_what_is_known_of_events_that_are_cut_off_cannot_be_held_against_the_rest(pruned):
    assert problems(pruned[0]) == ["event number 3 is among the first 6, which prune_audit cut off: use a later one"]


@pytest.fixture
def anchor(grow):
    """A signed line as the log has it, behind what a supervisor puts before it."""
    grow(3)
    made = new_anchor()
    line = {"count": made.known.count, "hash": made.known.hash, "at": made.at.isoformat(), "signature": made.signature}
    return lambda **changed: "worker  | " + json.dumps({**line, "event": "audit_anchor", **changed})


def test_a_signed_anchor_is_an_expectation(anchor, grow, capsys):
    grow(2)
    assert check(anchor(), capsys)["holds"]
    put_back([0, "", 0, "", ""])
    with pytest.raises(CommandError, match="does not hold"):
        check(anchor(), capsys)


@pytest.mark.parametrize(
    "changed",
    [{"count": 2}, {"hash": "0" * 64}, {"at": "2026-01-01T00:00:00+00:00"}, {"signature": "0" * 64}, {"signature": ""}],
)
def test_an_anchor_that_was_changed_is_refused(anchor, changed):
    with pytest.raises(CommandError, match="wasn't signed with this console's SECRET_KEY"):
        call_command("verify_audit", "--expect", anchor(**changed))


def test_an_anchor_that_a_former_secret_key_signed_is_taken(anchor, settings, capsys):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-for-this-test-only-0123456789"
    assert check(anchor(), capsys)["holds"]


def test_an_anchor_is_not_made_of_a_trail_whose_record_was_changed(grow, monkeypatch):
    grow(3)
    lines = []
    monkeypatch.setattr(events.log, "error", lambda event, **facts: lines.append((event, facts)), raising=False)
    by_hand("UPDATE workspaces_audithead SET count = 2")
    events.log_anchor()
    assert lines == [("audit_trail_broken", {"problem": "the record of how long the trail is was changed"})]


@pytest.mark.parametrize("text", ["", "3", "3:abc", "0:" + "0" * 64, "x:" + "0" * 64, "{}", '{"count": 3}', "[1]", "{"])
def test_an_expectation_that_is_none_is_refused(db, text):
    with pytest.raises(CommandError, match="Enter COUNT:HASH"):
        call_command("verify_audit", f"--expect={text}")
