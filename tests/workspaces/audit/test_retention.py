from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from workspaces.audit import retention
from workspaces.audit.chain import verify
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, AuditEvent, AuditHead

from .test_chain import by_hand

pytestmark = pytest.mark.django_db


@pytest.fixture
def trail(workspace, time_machine):
    """Ten events, one every hundred days, the last one today."""
    now = timezone.now()
    events = []
    for number in range(10):
        time_machine.move_to(now - timedelta(days=100 * (9 - number)), tick=False)
        events.append(record_event(Action.REFRESHED, CONSOLE, workspace=workspace, number=number))
    return events


def kept():
    return list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))


def test_old_events_are_cut_off_and_what_is_left_still_holds(trail, capsys):
    call_command("prune_audit", "--older-than", "450d")
    assert "5 events were deleted" in capsys.readouterr().out
    assert kept()[:5] == [event.pk for event in trail[5:]]
    call_command("verify_audit")
    assert "holds: 6 events; 5 older ones were deleted" in capsys.readouterr().out


def test_cutting_is_itself_in_the_trail(trail):
    call_command("prune_audit", "--older-than", "450d")
    event = AuditEvent.objects.order_by("pk").last()
    assert (event.action, event.message) == (Action.AUDIT_PRUNED, "5 events deleted")


def test_cutting_many_goes_batch_by_batch(trail, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    call_command("prune_audit", "--older-than", "150d")
    assert AuditHead.objects.get().cut_count == 8
    assert list(verify()) == []


def test_the_trail_goes_on_after_a_cut_and_can_be_cut_again(trail, workspace):
    call_command("prune_audit", "--older-than", "650d")
    record_event(Action.REFRESHED, CONSOLE, workspace=workspace)
    call_command("prune_audit", "--older-than", "250d")
    assert list(verify()) == []


def test_nothing_old_means_nothing_is_written(trail):
    call_command("prune_audit", "--older-than", "5000d")
    assert kept() == [event.pk for event in trail]


def test_removing_one_more_than_the_anchor_says_is_noticed(trail):
    call_command("prune_audit", "--older-than", "450d")
    by_hand("DELETE FROM workspaces_auditevent WHERE id = %s", kept()[0])
    assert "before this one was removed" in next(iter(verify())).text


def test_moving_the_anchor_by_hand_is_noticed(trail):
    by_hand("DELETE FROM workspaces_auditevent WHERE id = %s", trail[0].pk)
    by_hand("UPDATE workspaces_audithead SET cut_count = 1, cut_hash = %s", trail[0].hash)
    assert [found.text for found in verify()] == ["the record of how long the trail is was changed"]


def test_a_trail_that_does_not_hold_is_evidence_and_is_not_cut(trail):
    by_hand("UPDATE workspaces_auditevent SET message = 'x' WHERE id = %s", trail[1].pk)
    with pytest.raises(CommandError, match="does not hold"):
        call_command("prune_audit", "--older-than", "450d")
    assert len(kept()) == 10


@pytest.mark.parametrize("age", ["400", "0d", "-3d", "a year", "1e9d"])
def test_an_age_that_is_none_is_refused(db, age):
    with pytest.raises(CommandError, match="number of days"):
        call_command("prune_audit", f"--older-than={age}")
