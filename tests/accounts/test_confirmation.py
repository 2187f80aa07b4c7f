"""Delicate commands ask for a fresh password or code, and lose nothing that was typed."""

import pytest

from tests.accounts.conftest import code_of, grow_stale, recorded, sign_in, with_app
from tests.cast import PASSWORD
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
W = "/w/example-works/"
PAGES = [
    "/w/connect/",
    f"{W}keys/new/",
    f"{W}keys/revoke-all/",
    f"{W}settings/api-key/remove/",
    f"{W}settings/session/remove/",
    f"{W}settings/remove/",
]
COMMANDS = [
    f"{W}settings/details/",
    f"{W}settings/api-key/",
    f"{W}settings/session/",
    f"{W}members/invite/",
    f"{W}members/mfa/",
]


@pytest.fixture
def stale(client, owner):
    client.force_login(owner)
    grow_stale(client)
    return client


@pytest.mark.parametrize("url", PAGES)
def test_a_delicate_page_asks_again_after_ten_minutes(stale, url):
    answer = stale.get(url)
    assert answer["Location"].startswith("/accounts/confirm/password/?next=")


@pytest.mark.parametrize("url", PAGES)
def test_signing_in_counts_as_a_confirmation(client, owner, url):
    sign_in(client, owner)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", [*PAGES, *COMMANDS])
def test_a_command_sent_long_after_changes_nothing(stale, workspace, url):
    grow_stale(stale, 600)
    answer = stale.post(url, {"phrase": workspace.name, "email": "new@example.test", "role": "owner"})
    assert answer["Location"].startswith("/accounts/confirm/password/?next=")
    assert Workspace.objects.get().api_key == workspace.api_key
    assert not recorded()


def test_a_form_opened_in_time_may_be_sent_ten_minutes_later(stale, workspace):
    assert stale.post(f"{W}settings/api-key/remove/")["Location"] == f"{W}settings/"


def test_htmx_is_sent_there_as_a_whole_page(stale):
    answer = stale.get(f"{W}settings/remove/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/accounts/confirm/password/?next=%2Fw%2Fexample-works%2Fsettings%2Fremove%2F"


def test_after_confirming_the_person_lands_where_they_wanted_to_go(stale):
    page = stale.get(f"{W}keys/revoke-all/", follow=True)
    form = {"password": PASSWORD, "next": page.context["redirect_field_value"]}
    assert stale.post("/accounts/confirm/password/", form)["Location"] == f"{W}keys/revoke-all/"
    assert stale.get(f"{W}keys/revoke-all/").status_code == 200
    assert [event.details["methods"] for event in recorded("person:confirmed")] == [["password"]]


def test_what_was_typed_for_a_new_key_is_there_again(stale):
    grow_stale(stale, 600)
    stale.post(f"{W}keys/new/", {"name": "Night batch", "expiry": "never"})
    stale.post("/accounts/confirm/password/", {"password": PASSWORD})
    initial = stale.get(f"{W}keys/new/").context["form"].initial
    assert (initial["name"], initial["expiry"]) == ("Night batch", "never")
    assert "name" not in stale.get(f"{W}keys/new/").context["form"].initial


def test_a_typed_credential_is_never_kept_in_the_session(stale, workspace):
    grow_stale(stale, 600)
    stale.post(f"{W}settings/api-key/", {"key-api_key": "clapi_" + "s" * 64})
    assert "clapi_" not in str(dict(stale.session))


def test_a_wrong_password_is_refused_and_recorded(stale, owner):
    page = stale.post("/accounts/confirm/password/", {"password": "wrong"})
    assert "That is not your password" in page.content.decode()
    assert [event.actor for event in recorded("person:confirmation_failed")] == [owner]
    assert stale.get(f"{W}keys/new/").status_code == 302


def test_who_has_an_app_confirms_by_code_and_not_by_password(client, owner):
    with_app(owner)
    client.force_login(owner)
    assert client.get(f"{W}keys/new/")["Location"].startswith("/accounts/confirm/code/")
    assert client.post("/accounts/confirm/password/", {"password": PASSWORD})["Location"].startswith(
        "/accounts/confirm/code/"
    )
    client.post("/accounts/confirm/code/", {"code": code_of(owner)})
    assert client.get(f"{W}keys/new/").status_code == 200


def test_the_settings_show_no_form_that_could_not_be_sent(stale):
    page = stale.get(f"{W}settings/").content.decode()
    assert "Confirm that it is you" in page
    assert 'name="key-api_key"' not in page


def test_roles_come_first_a_viewer_is_told_no_instead_of_being_asked(client, viewer):
    client.force_login(viewer)
    grow_stale(client)
    assert client.get(f"{W}keys/new/").status_code == 403
