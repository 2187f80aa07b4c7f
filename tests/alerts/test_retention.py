"""What is over goes after a while; what is not stays however old it is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alerts import retention
from alerts.models import Alert, Attempt, Notification, Recipient, Transition
from core.db import batches

pytestmark = pytest.mark.django_db
OLD = timezone.now() - timedelta(days=397)


@pytest.fixture
def make(workspace):
    reader = Recipient.objects.create(workspace=workspace, address="pager@example.test")

    def make_email(key, **known):
        row = Notification.objects.create(
            key=key, message_id=key, workspace=workspace, recipient=reader, kind="test", **{"created_at": OLD, **known}
        )
        Attempt.objects.create(notification=row)
        return row

    return make_email


def make_alert(workspace, **known):
    alert = Alert.objects.create(workspace=workspace, started_at=OLD, evaluated_at=OLD, **known)
    Transition.objects.create(alert=alert, at=OLD, after=known["state"])
    return alert


def kept():
    return set(Notification.objects.values_list("key", flat=True))


def test_old_emails_go_once_nothing_more_comes_of_them(make, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    for state in Notification.State:
        make(state, state=state)
    make("new", state="sent", created_at=timezone.now())
    assert retention.prune() == 5
    assert kept() == {"new", "held", "queued", "sending"}
    assert Attempt.objects.count() == 4


def test_alerts_that_were_over_long_ago_go_with_their_emails(make, workspace):
    over = make_alert(workspace, state="resolved", resolved_at=OLD)
    fires = make_alert(workspace, state="firing")
    ended = make_alert(workspace, state="resolved", resolved_at=timezone.now())
    for key, alert in (("over", over), ("fires", fires), ("ended", ended)):
        make(key, alert=alert, state="sent")
    assert retention.prune() == 1
    assert kept() == {"fires", "ended"}
    assert Transition.objects.count() == 2


def test_how_long_is_a_setting(make, settings):
    settings.KEEP_ALERTS_DAYS = 400
    make("old", state="sent")
    assert retention.prune() == 0
