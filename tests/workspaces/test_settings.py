"""The settings page and its commands, against the real sandbox."""

import datetime as dt

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from cleanlist import Secret
from core.encryption import EncryptedValue
from tests.workspaces.conftest import reloaded
from workspaces.audit.events import CONSOLE
from workspaces.models import Action, AuditEvent, ManagementSession, Workspace
from workspaces.polling.poll_setup import set_up_polls
from workspaces.polling.registry import BALANCE
from workspaces.services import connections
from workspaces.services.connections import rename_workspace, retry_credentials

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PAGE = "/w/example-works/settings/"
WRONG_KEY = "clapi_" + "w" * 64


def text_of(answer):
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def last_event():
    return AuditEvent.objects.order_by("-pk").first()


@pytest.fixture
def pasted_session(workspace):
    return ManagementSession.objects.create(
        workspace=workspace,
        kind=ManagementSession.Kind.PASTED,
        token=EncryptedValue.encrypt(Secret("x.y.z")),
        token_expires_at=timezone.now() + dt.timedelta(seconds=50),
        user_email="operations@example.test",
        accepted_at=timezone.now(),
    )


def test_the_state_of_each_credential_is_a_sentence(as_owner, workspace, pasted_session):
    text = text_of(as_owner.get(PAGE))
    assert "clapi_kkkk…kkkk" in text
    assert "Accepted by Cleanlist" in text
    assert "operations@example.test" in text
    assert "data-countdown" in text


def test_a_key_that_no_call_has_used_is_not_said_to_be_accepted(as_owner, workspace):
    Workspace.objects.update(api_key_accepted_at=None)
    text = text_of(as_owner.get(PAGE))
    assert "so it may or may not be accepted" in text
    assert "Accepted by Cleanlist." not in text


def test_a_key_that_cannot_be_opened_says_so_and_is_not_offered_to_be_tried_again(as_owner, workspace, settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    text = text_of(as_owner.get(PAGE))
    assert "Can't be decrypted" in text
    assert "ENCRYPTION_KEYS no longer contains" in text
    assert "Try again" not in text


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_with_keys_that_open_nothing_nothing_is_stored_unless_somebody_insists(
    as_owner, connected, known, settings, headers
):
    mine, sealed = settings.ENCRYPTION_KEYS, connected.api_key
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    sent = {"key-api_key": known["api_key"]}
    answer = as_owner.post(PAGE + "api-key/", sent, headers=headers)
    assert answer.status_code == 422
    assert "the encryption keys don't match the stored credentials" in text_of(answer)
    assert reloaded(connected).api_key == sealed

    as_owner.post(PAGE + "api-key/", sent | {"key-save_anyway": "on"}, headers=headers)
    assert reloaded(connected).api_key.decrypt().reveal() == known["api_key"]  # the keys were lost for good
    settings.ENCRYPTION_KEYS = mine
    assert not reloaded(connected).api_key.is_decryptable


def test_one_credential_that_opens_is_enough_to_store_others(as_owner, connected, known, settings):
    lost = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS, mine = [lost], settings.ENCRYPTION_KEYS
    Workspace.objects.create(
        name="Lost", slug="lost", base_url="", api_key=EncryptedValue.encrypt(Secret("clapi_lost"))
    )
    settings.ENCRYPTION_KEYS = mine
    assert as_owner.post(PAGE + "api-key/", {"key-api_key": known["api_key"]}).status_code == 302


def test_a_rejected_key_says_why_and_offers_to_try_again(as_owner, workspace):
    workspace.api_key_rejected_at, workspace.api_key_rejection = timezone.now(), "Key revoked"
    workspace.save()
    text = text_of(as_owner.get(PAGE))
    assert "Key revoked" in text
    assert "Try again" in text


def test_trying_again_trusts_the_key_once_more(as_owner, workspace):
    workspace.api_key_rejected_at = timezone.now()
    workspace.save()
    as_owner.post(PAGE + "retry/")
    assert reloaded(workspace).has_api_key
    assert last_event().action == Action.WORKSPACE_CHANGED


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_members_who_do_not_own_it_see_states_but_no_forms(client, request, workspace, role):
    client.force_login(request.getfixturevalue(role))
    text = text_of(client.get(PAGE))
    assert "Accepted by Cleanlist" in text
    assert f'action="{PAGE}' not in text
    assert "Remove" not in text


def test_members_are_listed_with_their_roles(as_owner, viewer):
    assert viewer.email in text_of(as_owner.get(PAGE))


def test_a_name_is_not_changed_without_its_line_in_the_trail(workspace, monkeypatch):
    monkeypatch.setattr(connections, "record_event", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rename_workspace(workspace, CONSOLE, name="Other", base_url=workspace.base_url)
    assert reloaded(workspace).name == "Example Works"


def test_credentials_are_not_tried_again_without_its_line_in_the_trail(workspace, monkeypatch):
    rejected_at = workspace.api_key_rejected_at = timezone.now()
    workspace.save()
    monkeypatch.setattr(connections, "record_event", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retry_credentials(workspace, CONSOLE)
    assert reloaded(workspace).api_key_rejected_at == rejected_at


def test_a_rejected_key_is_tried_again_at_a_new_address(as_owner, workspace, settings):
    settings.CLEANLIST_API_ORIGINS = [workspace.base_url, "https://new.example"]
    rejected_at = workspace.api_key_rejected_at = timezone.now()
    workspace.save()
    as_owner.post(PAGE + "details/", {"name": "Renamed", "base_url": workspace.base_url})
    assert reloaded(workspace).api_key_rejected_at == rejected_at
    as_owner.post(PAGE + "details/", {"name": "Renamed", "base_url": "https://new.example"})
    assert reloaded(workspace).base_url == "https://new.example"
    assert reloaded(workspace).api_key_rejected_at is None


def test_who_goes_on_after_a_change_of_address_goes_on_with_trusted_credentials(workspace, settings):
    settings.CLEANLIST_API_ORIGINS = [workspace.base_url, "https://new.example"]
    workspace.api_key_rejected_at = timezone.now()
    workspace.save()
    set_up_polls(workspace)
    rename_workspace(workspace, CONSOLE, name=workspace.name, base_url="https://new.example")
    set_up_polls(workspace)  # as replacing its session does
    assert not workspace.polls.get(resource=BALANCE).paused_reason


def test_the_name_can_be_changed_and_the_address_in_the_browser_stays(as_owner, workspace):
    as_owner.post(PAGE + "details/", {"name": "Renamed", "base_url": workspace.base_url})
    assert (reloaded(workspace).name, reloaded(workspace).slug) == ("Renamed", "example-works")


def test_an_address_that_is_not_listed_is_refused(as_owner, workspace):
    answer = as_owner.post(PAGE + "details/", {"name": "X", "base_url": "https://elsewhere.example"})
    assert answer.status_code == 422
    assert "CLEANLIST_API_ORIGINS" in text_of(answer)
    assert reloaded(workspace).name == "Example Works"


def test_a_new_key_is_tried_and_stored(as_owner, connected, known):
    connected.api_key_rejected_at = timezone.now()
    connected.save()
    answer = as_owner.post(PAGE + "api-key/", {"key-api_key": known["api_key"]})
    assert answer.status_code == 302
    assert reloaded(connected).has_api_key
    assert reloaded(connected).api_key_accepted_at is not None
    assert last_event().action == Action.API_KEY_REPLACED


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_key_that_does_not_work_changes_nothing(as_owner, connected, headers):
    answer = as_owner.post(PAGE + "api-key/", {"key-api_key": WRONG_KEY}, headers=headers)
    assert answer.status_code == 422
    assert "did not accept the credential" in text_of(answer)
    assert WRONG_KEY not in text_of(answer)
    assert reloaded(connected).api_key_last4 == connected.api_key_last4


def test_a_key_of_another_organization_is_refused(as_owner, connected, known):
    Workspace.objects.update(organization_id="org_other", organization_name="Other Works")
    answer = as_owner.post(PAGE + "api-key/", {"key-api_key": known["api_key"], "key-save_anyway": "on"})
    assert "the workspace to Other Works" in text_of(answer)
    assert not AuditEvent.objects.filter(action=Action.API_KEY_REPLACED).exists()


def test_a_session_of_another_organization_is_refused(as_owner, connected, known):
    Workspace.objects.update(organization_id="org_other")
    sent = {"session-session_kind": "pasted", "session-session_token": known["session_jwt"]}
    assert "the workspace to org_other" in text_of(as_owner.post(PAGE + "session/", sent))
    assert reloaded(connected).management_session is None


def test_a_clerk_session_is_tried_and_stored(as_owner, connected, known):
    sent = {
        "session-session_kind": "clerk",
        "session-frontend_api_url": known["clerk_frontend_api"],
        "session-session_id": known["clerk_session_id"],
        "session-client_token": known["clerk_client_token"],
    }
    assert as_owner.post(PAGE + "session/", sent).status_code == 302
    assert reloaded(connected).has_session
    assert reloaded(connected).management_session.accepted_at is not None
    assert last_event().action == Action.SESSION_REPLACED


def test_a_client_token_that_mints_nothing_is_refused(as_owner, connected, known):
    sent = {
        "session-session_kind": "clerk",
        "session-frontend_api_url": known["clerk_frontend_api"],
        "session-session_id": known["clerk_session_id"],
        "session-client_token": "not-a-client-token",
    }
    answer = as_owner.post(PAGE + "session/", sent, headers=HTMX)
    assert "Management session expired" in text_of(answer)
    assert reloaded(connected).management_session is None


def test_when_upstream_is_down_a_key_can_be_saved_anyway(as_owner, connected, known, fault):
    fault("status", status=503)
    Workspace.objects.update(scopes=["credits:read"])
    sent = {"key-api_key": known["api_key"]}
    assert "Save anyway" in text_of(as_owner.post(PAGE + "api-key/", sent))
    assert as_owner.post(PAGE + "api-key/", sent | {"key-save_anyway": "on"}).status_code == 302
    assert reloaded(connected).api_key_accepted_at is None
    assert reloaded(connected).scopes == []  # those of the key before say nothing of this one


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "dialog"])
def test_removing_asks_first_and_says_what_stops_working(as_owner, workspace, headers):
    text = text_of(as_owner.get(PAGE + "api-key/remove/", headers=headers))
    assert "stops syncing" in text
    assert ("<html" in text) == (headers == {})
    assert reloaded(workspace).api_key is not None


def test_a_removed_key_is_gone_from_the_database(as_owner, workspace):
    as_owner.post(PAGE + "api-key/remove/")
    assert reloaded(workspace).api_key is None
    assert last_event().action == Action.API_KEY_REMOVED


def test_a_removed_session_is_gone_from_the_database(as_owner, workspace, pasted_session):
    as_owner.post(PAGE + "session/remove/")
    assert not ManagementSession.objects.exists()
    assert last_event().action == Action.SESSION_REMOVED


def test_a_workspace_is_removed_by_its_typed_name_and_its_trail_stays(as_owner, workspace, admin):
    assert as_owner.post(PAGE + "remove/", {"phrase": "Example Works"})["Location"] == "/"
    assert not Workspace.objects.exists()
    assert last_event().action == Action.WORKSPACE_REMOVED
    as_owner.force_login(admin)
    assert "Example Works" in text_of(as_owner.get("/audit/"))


@pytest.mark.parametrize("phrase", ["", "example works", "yes"])
def test_another_phrase_removes_nothing(as_owner, workspace, phrase):
    answer = as_owner.post(PAGE + "remove/", {"phrase": phrase})
    assert answer.status_code in {200, 422}
    assert reloaded(workspace)
