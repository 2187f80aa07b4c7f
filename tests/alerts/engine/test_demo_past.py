"""The past alerts of a demonstration: what rules would have said of a balance that was brought along."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.mail import summaries
from alerts.models import Notification, Rule
from usage.history.csv_format import parse_history
from usage.history.imports import import_history, undo_import
from workspaces.audit.events import CONSOLE

pytestmark = pytest.mark.django_db
FIRED, OVER = timedelta(hours=20), timedelta(hours=10)


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def bring(workspace, now):
    """A balance that falls below 500 twice, and is back above it once."""
    Rule.objects.create(workspace=workspace, kind="balance_below", name="Low", threshold=500, recovery=550)
    ages = [(30, 1000), (20, 400), (15, 520), (10, 600), (1, 300)]
    lines = [f"{(now - timedelta(hours=age)).isoformat()},{credits_}" for age, credits_ in ages]
    rows = parse_history("\n".join(["time,credits", *lines]), now).rows
    return lambda **facts: import_history(workspace, CONSOLE, rows, "past.csv", **facts)


def test_each_past_episode_of_a_rule_becomes_an_alert_without_emails(bring, workspace, now, client, viewer):
    bring(is_demo=True)
    alert = workspace.alerts.get()
    assert (alert.fired_at, alert.resolved_at, alert.value) == (now - FIRED, now - OVER, Decimal(400))
    assert alert.is_demo
    assert [line.text for line in alert.transitions.all()] == [
        "Would have fired: 400 credits",
        "Would have been resolved after 10 hours: 600 credits",
    ]
    assert not Notification.objects.exists()
    client.force_login(viewer)
    assert "Demo history" in client.get(reverse("alerts:list", args=[workspace.slug])).text
    assert "this is demo history" in client.get(alert.get_absolute_url()).text
    assert summaries.summarize(workspace, now, 7)["fired"] == 0


def test_they_go_with_the_history(bring, workspace):
    undo_import(bring(is_demo=True), CONSOLE)
    assert not workspace.alerts.exists()


def test_a_history_of_ones_own_gives_none(bring, workspace):
    bring()
    assert not workspace.alerts.exists()
