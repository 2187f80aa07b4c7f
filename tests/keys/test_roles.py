"""Who sees and who may: viewers read, operators command, strangers find nothing, GET never writes."""

import pytest
from django.test import Client
from django.urls import reverse

from keys.forms import REVOKE_ALL_PHRASE
from keys.models import ApiKey, KeyCreation
from workspaces.models import AuditEvent

from .conftest import log_request, make_key, text_of

READ = ["list", "detail", "requests"]
COMMANDS = ["new", "revoke", "revoke_selected", "revoke_all", "seen", "dismiss"]
POST_ONLY = {"seen", "dismiss"}
WITH_KEY = ["detail", "requests", "revoke", "dismiss"]
SENT = {"name": "x", "expiry": "never", "form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12", "phrase": REVOKE_ALL_PHRASE}


@pytest.fixture
def key(workspace):
    key = make_key(workspace, secret_state=ApiKey.SecretState.UNSEEN)
    log_request(key)
    return key


def address(key, name):
    return reverse(f"keys:{name}", args=[key.workspace.slug, *([key.key_id] if name in WITH_KEY else [])])


@pytest.mark.parametrize("name", READ)
def test_viewers_see_the_pages_without_the_commands(client, viewer, key, name):
    client.force_login(viewer)
    page = client.get(address(key, name))
    assert page.status_code == 200
    assert not [command for command in COMMANDS if f'"{address(key, command)}"' in text_of(page)]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", COMMANDS)
def test_viewers_are_told_which_role_a_command_needs_and_nothing_happens(client, viewer, key, name, method):
    client.force_login(viewer)
    answer = getattr(client, method)(address(key, name), SENT)
    if method == "get" and name in POST_ONLY:
        assert answer.status_code == 405
        return
    assert answer.status_code == 403
    assert "This requires the role “Operator”" in text_of(answer)
    key.refresh_from_db()
    assert (key.is_active, key.secret_state) == (True, ApiKey.SecretState.UNSEEN)
    assert not KeyCreation.objects.exists()


@pytest.mark.parametrize("name", [*READ, *COMMANDS])
def test_strangers_find_nothing(client, stranger, key, name):
    client.force_login(stranger)
    assert client.post(address(key, name)).status_code in {404, 405}
    assert client.get(address(key, name)).status_code in {404, 405}


@pytest.mark.parametrize("name", [*READ, *COMMANDS])
def test_nobody_gets_in_without_signing_in(client, key, name):
    answer = client.get(address(key, name))
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_its_token_is_refused(operator, key, name):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(address(key, name), SENT).status_code == 403
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", READ)
def test_pages_are_read_only(client, operator, key, name):
    client.force_login(operator)
    assert client.post(address(key, name)).status_code == 405


@pytest.mark.parametrize("name", WITH_KEY)
def test_a_key_of_another_workspace_does_not_exist_here(client, owner, key, name, connected):
    client.force_login(owner)
    foreign = make_key(connected)
    url = reverse(f"keys:{name}", args=[key.workspace.slug, foreign.key_id])
    assert client.post(url).status_code in {404, 405}
