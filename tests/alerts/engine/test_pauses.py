"""A console that was off says so, and raises nothing for its own absence."""

from datetime import timedelta

import pytest
from django.urls import reverse

from alerts.mail import summaries
from alerts.mail.messages import compose
from alerts.models import Recipient
from workspaces.models import User

pytestmark = pytest.mark.django_db
OFF = timedelta(minutes=40)


@pytest.fixture
def unreadable(watch):
    """The rule about a balance that cannot be read, and one that was read a while ago."""
    watch.rule(kind="balance_unreadable", name="Unreadable", threshold=15, recovery=0)
    watch.balance(5000)
    watch.balance(5000)
    return watch


def test_rules_that_run_before_the_first_poll_after_a_pause_raise_nothing(unreadable):
    unreadable.clock.shift(OFF)
    unreadable.evaluate()
    unreadable.balance(4990)
    assert not unreadable.alerts.exists()


def test_data_still_missing_after_a_pause_is_reported_without_the_pause(unreadable):
    unreadable.clock.shift(OFF)
    unreadable.unreadable(after=timedelta(minutes=14))
    assert not unreadable.alerts.exists()
    unreadable.unreadable(after=timedelta(minutes=4))
    alert = unreadable.alerts.get()
    assert alert.headline == "balance unreadable for 16 minutes"
    assert "Not watched" in dict(alert.facts)


def test_a_worker_that_looks_every_minute_makes_no_pause(unreadable):
    unreadable.unreadable(after=timedelta(minutes=20))
    assert unreadable.alerts.get().state == "firing"
    unreadable.workspace.evaluation.refresh_from_db()
    assert unreadable.workspace.evaluation.resumed_at is None


def test_the_page_of_alerts_says_from_when_to_when_nobody_watched_for_a_day(unreadable, client, viewer):
    unreadable.clock.shift(OFF)
    unreadable.evaluate()
    client.force_login(viewer)
    page = reverse("alerts:list", args=[unreadable.workspace.slug])
    assert "the console was not running" in client.get(page).text
    for _ in range(25 * 15):
        unreadable.clock.shift(timedelta(minutes=4))
    unreadable.workspace.evaluation.refresh_from_db()
    assert "the console was not running" not in client.get(page).text


def test_a_summary_says_so_in_the_readers_zone_as_all_its_times_are(unreadable, owner):
    User.objects.update(time_zone="Asia/Tokyo")
    Recipient.objects.create(workspace=unreadable.workspace, address=owner.email, summary="daily")
    unreadable.clock.shift(OFF)
    unreadable.evaluate()
    summaries.write_due(unreadable.now)
    body = str(compose(unreadable.outbox[0]).body)
    assert "Not watched: from" in body
    assert "UTC" not in body
    assert "[[" not in body
    assert body.count("JST") == 3
