"""Rejected credentials are tried again by themselves, against the real sandbox."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist import Secret
from cleanlist.errors import SessionExpired
from core import clock
from core.encryption import EncryptedValue
from workspaces.audit.events import CONSOLE
from workspaces.models import Action, AuditEvent, ManagementSession, Poll, Workspace
from workspaces.polling.credential_trust import next_probe
from workspaces.polling.poll_setup import probe_rejected, set_up_polls, stop_using_credential
from workspaces.services import Credentials, replace_session

NOW = timezone.now()
VALIDATE = "/api/v1/public/auth/validate-key"


@pytest.fixture
def rejected(connected):
    """The connected workspace, whose key upstream rejected an hour ago and that is due to be tried again."""
    connected.api_key_rejected_at = NOW - timedelta(hours=1)
    connected.api_key_rejection, connected.api_key_doubted_at = "Invalid API key", NOW - timedelta(hours=1)
    connected.api_key_probe_at, connected.api_key_accepted_at = NOW, None
    connected.save()
    set_up_polls(connected)
    assert Poll.objects.get(resource="balance").paused_reason
    return connected


def test_a_key_that_upstream_accepts_after_all_is_used_again(rejected):
    assert probe_rejected() == 1

    rejected.refresh_from_db()
    assert rejected.has_api_key
    assert (rejected.api_key_doubted_at, rejected.api_key_probe_at, rejected.api_key_rejection) == (None, None, "")
    assert rejected.api_key_accepted_at is not None
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


@pytest.fixture
def session(connected, known, settings):
    """The connected workspace's Clerk session, which Clerk's front end has just refused once."""
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, known["clerk_frontend_api"]]
    session = ManagementSession.objects.create(
        workspace=connected,
        kind=ManagementSession.Kind.CLERK,
        user_email="operations@example-works.test",
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=EncryptedValue.encrypt(Secret(known["clerk_client_token"])),
    )
    set_up_polls(Workspace.objects.get(pk=connected.pk))
    refuse(session)
    return session


def refuse(session, status=401):
    stop_using_credential(session.workspace, "session", SessionExpired("signed out", status=status))
    session.refresh_from_db()


def test_a_session_whose_end_the_console_reckoned_itself_is_not_called_refused(session):
    ManagementSession.objects.update(doubted_at=NOW - timedelta(seconds=6))
    refuse(session, None)
    assert session.rejected_at is None


def test_a_session_that_clerk_refuses_once_is_in_doubt_and_used_on(session):
    assert (session.doubted_at is None, session.rejected_at) == (False, None)
    assert Poll.objects.get(resource="keys").paused_reason == ""


def test_a_refusal_of_a_session_that_was_replaced_meanwhile_says_nothing_of_its_successor(session):
    replaced = Workspace.objects.select_related("session").get(pk=session.workspace_id)
    with clock.cache_now():  # as in a request, which asks the clock once
        clock.cached_now()
        client = Credentials(
            frontend_api_url=session.frontend_api_url, session_id="sess_2", client_token=session.client_token.decrypt()
        )
        replace_session(Workspace.objects.get(pk=replaced.pk), CONSOLE, client, None)
    stop_using_credential(replaced, "session", SessionExpired("signed out", status=401))
    session.refresh_from_db()
    assert (session.session_id, session.doubted_at) == ("sess_2", None)


@pytest.mark.parametrize("status", [401, 404])
def test_a_session_that_clerk_refused_twice_is_tried_again_and_used_once_accepted(session, upstream, status):
    ManagementSession.objects.update(doubted_at=NOW - timedelta(seconds=6))
    refuse(session, status)
    assert session.rejected_at is not None
    assert timedelta(minutes=14) < session.probe_at - timezone.now() <= timedelta(minutes=15)
    assert Poll.objects.get(resource="keys").paused_reason
    assert probe_rejected() == 0

    ManagementSession.objects.update(probe_at=NOW)
    upstream.control("faults", {"path": "/v1/client/*", "kind": "status", "status": 401, "times": 1})
    assert probe_rejected() == 1
    session.refresh_from_db()
    assert session.rejected_at is not None

    ManagementSession.objects.update(probe_at=NOW)
    assert probe_rejected() == 1
    session.refresh_from_db()
    assert (session.rejected_at, session.doubted_at, session.probe_at) == (None, None, None)
    assert Poll.objects.get(resource="keys").paused_reason == ""


@pytest.mark.parametrize(
    ("minutes_ago", "wait"), [(0, 15), (14, 15), (15, 60), (600, 60), (1380, 60), (1381, None), (3000, None)]
)
def test_it_is_tried_after_a_quarter_of_an_hour_then_every_hour_for_a_day(minutes_ago, wait):
    probe = next_probe(NOW - timedelta(minutes=minutes_ago), NOW)

    assert probe == (None if wait is None else NOW + timedelta(minutes=wait))
