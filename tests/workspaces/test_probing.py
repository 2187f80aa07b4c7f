"""Rejected credentials are tried again by themselves, against the real sandbox."""

from datetime import timedelta

import pytest
from django.utils import timezone

from workspaces.models import Action, AuditEvent, Poll, Workspace
from workspaces.polling.pauses import set_up_polls
from workspaces.polling.trust import next_probe
from workspaces.services.probing import probe_rejected

NOW = timezone.now()
VALIDATE = "/api/v1/public/auth/validate-key"


@pytest.fixture
def rejected(connected):
    """The connected workspace, whose key upstream rejected an hour ago and that is due to be tried again."""
    connected.api_key_rejected_at = NOW - timedelta(hours=1)
    connected.api_key_rejection, connected.api_key_doubted_at = "Invalid API key", NOW - timedelta(hours=1)
    connected.api_key_probe_at = NOW
    connected.save()
    set_up_polls(connected)
    assert Poll.objects.get(resource="balance").paused_reason
    return connected


def test_a_key_that_upstream_accepts_after_all_is_used_again(rejected):
    assert probe_rejected() == 1

    rejected.refresh_from_db()
    assert rejected.has_api_key
    assert (rejected.api_key_doubted_at, rejected.api_key_probe_at, rejected.api_key_rejection) == (None, None, "")
    assert Poll.objects.get(resource="balance").paused_reason == ""
    assert AuditEvent.objects.get().action == Action.CREDENTIAL_ACCEPTED


@pytest.mark.parametrize("status", [401, 503])
def test_a_key_that_is_not_accepted_waits_another_hour(rejected, upstream, status):
    upstream.control("faults", {"path": VALIDATE, "kind": "status", "status": status})

    assert probe_rejected() == 1
    rejected.refresh_from_db()
    assert not rejected.has_api_key
    assert timedelta(minutes=59) < rejected.api_key_probe_at - timezone.now() < timedelta(minutes=61)
    assert probe_rejected() == 0


def test_a_key_that_was_never_rejected_is_not_tried(connected):
    assert probe_rejected() == 0
    assert Workspace.objects.get(pk=connected.pk).has_api_key


@pytest.mark.parametrize(
    ("minutes_ago", "wait"), [(0, 15), (14, 15), (15, 60), (600, 60), (1380, 60), (1381, None), (3000, None)]
)
def test_it_is_tried_after_a_quarter_of_an_hour_then_every_hour_for_a_day(minutes_ago, wait):
    probe = next_probe(NOW - timedelta(minutes=minutes_ago), NOW)

    assert probe == (None if wait is None else NOW + timedelta(minutes=wait))
