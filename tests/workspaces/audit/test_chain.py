import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from workspaces.audit.chain import verify
from workspaces.audit.events import CONSOLE, many_events, record_event
from workspaces.models import Action, AuditEvent, AuditHead, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def trail(workspace):
    return [
        record_event(Action.REFRESHED, CONSOLE, workspace=workspace, subject=("", f"event {n}"), number=n)
        for n in range(5)
    ]


def by_hand(statement: str, *values) -> None:
    """Do what somebody with access to the database would do."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_an_untouched_trail_holds(trail, capsys):
    call_command("verify_audit")
    assert "holds: 5 events" in capsys.readouterr().out


def test_a_changed_event_is_named(trail):
    by_hand("UPDATE workspaces_auditevent SET message = 'nothing happened' WHERE id = %s", trail[2].pk)
    assert [(found.event_id, found.text) for found in verify()] == [
        (trail[2].pk, "the event was changed after it was written")
    ]


def test_a_removed_event_is_noticed_at_the_one_after_it(trail):
    by_hand("DELETE FROM workspaces_auditevent WHERE id = %s", trail[1].pk)
    assert next(iter(verify())).event_id == trail[2].pk


def test_cutting_off_the_newest_event_is_noticed(trail):
    by_hand("DELETE FROM workspaces_auditevent WHERE id = %s", trail[4].pk)
    assert "5 events were written and 4 are there" in next(iter(verify())).text


def test_setting_the_head_back_as_well_is_noticed(trail):
    by_hand("DELETE FROM workspaces_auditevent WHERE id = %s", trail[4].pk)
    by_hand("UPDATE workspaces_audithead SET count = 4, last_hash = %s", trail[3].hash)
    assert [found.text for found in verify()] == ["the record of how long the trail is was changed"]


def test_an_inserted_event_is_noticed(trail, workspace):
    AuditEvent.objects.bulk_create([AuditEvent(action=Action.REFRESHED, workspace=workspace, hash="0" * 64)])
    assert any(found.event_id is not None for found in verify())


def test_a_rotated_secret_key_still_verifies_with_the_old_one_as_fallback(trail, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-for-this-test-only-0123456789"
    assert list(verify()) == []


def test_the_command_fails_and_says_where(trail, capsys):
    by_hand("UPDATE workspaces_auditevent SET actor_email = 'x' WHERE id = %s", trail[0].pk)
    with pytest.raises(CommandError, match="does not hold: 1 places"):
        call_command("verify_audit")
    assert f"event {trail[0].pk}" in capsys.readouterr().err


def test_the_number_of_the_newest_event_is_not_proved(trail):
    """Events are told apart by their place; the help of the command says so."""
    by_hand("UPDATE workspaces_auditevent SET id = id + 1000 WHERE id = %s", trail[4].pk)
    assert list(verify()) == []


def test_events_cannot_be_changed_or_deleted_through_the_models(trail):
    for attempt in (trail[0].save, trail[0].delete, AuditEvent.objects.all().delete):
        with pytest.raises(TypeError, match="cannot be"):
            attempt()
    assert AuditHead.objects.get().count == AuditEvent.objects.count() == 5


def test_many_events_change_the_head_once_and_make_the_same_trail(trail, workspace):
    with CaptureQueriesContext(connection) as queries, many_events():
        for _ in range(3):
            record_event(Action.REFRESHED, CONSOLE, workspace=workspace)
    statements = [query["sql"] for query in queries if "workspaces_audithead" in query["sql"]]
    assert sum(sql.startswith("UPDATE") for sql in statements) == 1
    record_event(Action.REFRESHED, CONSOLE, workspace=workspace)
    assert list(verify()) == []
    assert AuditHead.objects.get().count == 9


def test_many_events_that_fail_leave_the_trail_as_it_was(trail, workspace):
    def fail():
        with many_events():
            record_event(Action.REFRESHED, CONSOLE, workspace=workspace)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    record_event(Action.REFRESHED, CONSOLE, workspace=workspace)
    assert list(verify()) == []
    assert AuditHead.objects.get().count == 6


def test_many_events_lock_nothing_before_the_first(db):
    """Whoever holds a workspace waits for the head, so nobody may hold that and wait for a workspace."""
    with CaptureQueriesContext(connection) as queries, many_events():
        Workspace.objects.count()
    assert not [query["sql"] for query in queries if "audithead" in query["sql"]]
