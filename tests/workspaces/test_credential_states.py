"""What is said of credentials is what is known of them."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from alerts.rules import read_credentials
from cleanlist import Secret
from core.encryption import EncryptedValue
from workspaces.audit.events import CONSOLE
from workspaces.credentials.states import api_key_state, session_state
from workspaces.models import ManagementSession, Workspace
from workspaces.polling import credential_trust
from workspaces.services import retry_credentials

NOW = timezone.now()
AGO = NOW - timedelta(minutes=1)


@pytest.fixture(params=["pasted", "clerk"])
def session(request, workspace):
    secret = {"pasted": "token", "clerk": "client_token"}[request.param]
    facts = {"kind": request.param, secret: EncryptedValue.encrypt(Secret("x.y.z")), "accepted_at": AGO}
    return ManagementSession.objects.create(workspace=workspace, **facts)


def states(workspace):
    fresh = Workspace.objects.get(pk=workspace.pk)
    return api_key_state(fresh), session_state(fresh)


def set_both(**columns):
    Workspace.objects.update(**{f"api_key_{name}": value for name, value in columns.items()})
    ManagementSession.objects.update(**columns)


@pytest.mark.parametrize(
    ("columns", "level", "words"),
    [
        ({}, "ok", ("Accepted", "Renews itself")),
        ({"accepted_at": None}, "neutral", ("Unknown",)),
        ({"doubted_at": AGO}, "warning", ("Unconfirmed",)),
        ({"doubted_at": AGO, "accepted_at": None}, "warning", ("Unconfirmed",)),
        ({"rejected_at": AGO}, "danger", ("Rejected",)),
        ({"rejected_at": AGO, "accepted_at": None}, "danger", ("Rejected",)),
    ],
)
def test_each_state_has_its_word(workspace, session, columns, level, words):
    set_both(**columns)
    for state in states(workspace):
        assert (state.level, state.is_rejected) == (level, "rejected_at" in columns)
        assert state.word in words


@pytest.mark.parametrize("columns", [{}, {"accepted_at": None}, {"doubted_at": AGO}])
def test_what_cannot_be_opened_is_not_known_to_be_accepted(workspace, session, settings, columns):
    set_both(**columns)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    for state in states(workspace):
        assert (state.level, state.word) == ("danger", "Can't be decrypted")
        assert "may or may not be accepted" in state.sentence
        assert not state.is_rejected


def test_a_pasted_token_that_has_run_out_is_expired_whether_it_was_tried_or_not(workspace, session):
    ManagementSession.objects.update(token_expires_at=AGO, accepted_at=None)
    assert states(workspace)[1].word == "Expired"


@pytest.mark.parametrize("kind", ["api_key", "session"])
def test_the_first_call_that_succeeds_tells_and_the_next_ones_cost_nothing(
    workspace, session, kind, django_assert_num_queries
):
    set_both(accepted_at=None)
    credential_trust.record_acceptance(Workspace.objects.get(pk=workspace.pk), kind)
    first = credential_trust.stored_credential(Workspace.objects.get(pk=workspace.pk), kind)
    assert first["accepted_at"] is not None

    used = first.workspace
    with django_assert_num_queries(0):
        credential_trust.record_acceptance(used, kind)


def test_a_doubt_that_ends_leaves_the_first_acceptance(workspace, session):
    set_both(doubted_at=NOW, accepted_at=AGO)
    credential_trust.record_acceptance(Workspace.objects.get(pk=workspace.pk), "api_key")
    fresh = Workspace.objects.get(pk=workspace.pk)
    assert (fresh.api_key_doubted_at, fresh.api_key_accepted_at) == (None, AGO)


def test_what_is_tried_again_because_a_person_wants_it_is_not_known(workspace, session):
    set_both(rejected_at=AGO)
    retry_credentials(workspace, CONSOLE)
    assert [state.word for state in states(workspace)] == ["Unknown", "Unknown"]


@pytest.mark.parametrize(
    ("columns", "values", "words"),
    [
        ({}, [0, 0], "is accepted"),
        ({"accepted_at": None}, [0, 0], ": unknown"),
        ({"doubted_at": AGO}, [0, 0], ": unconfirmed"),
        ({"rejected_at": AGO}, [1, 1], "Cleanlist rejects the"),
    ],
)
def test_the_alert_rule_says_no_more_than_that(workspace, session, columns, values, words):
    set_both(**columns)
    (readings,) = read_credentials(Workspace.objects.get(pk=workspace.pk), [type("Rule", (), {"pk": 1})], NOW).values()
    assert [one.value for one in readings] == values
    assert all(words in one.headline for one in readings)


def test_the_alert_rule_takes_no_wrong_encryption_key_for_a_rejection(workspace, session, settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    (readings,) = read_credentials(Workspace.objects.get(pk=workspace.pk), [type("Rule", (), {"pk": 1})], NOW).values()
    assert [one.value for one in readings] == [0, 0]
    assert all(one.headline.endswith(": can't be decrypted") for one in readings)
