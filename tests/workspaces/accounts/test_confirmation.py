"""Sensitive commands ask for a fresh password or code, and lose nothing that was typed."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import code_of, grow_stale, recorded, sign_in, with_app
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
def test_a_sensitive_page_asks_again_after_ten_minutes(stale, url):
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


REMOVE = f"{W}settings/api-key/remove/"


def mark_in(page):
    """What a form carries that was opened while the person was confirmed; nothing where it was not."""
    found = re.search(r'name="opened" value="([^"]+)"', page.content.decode())
    return html.unescape(found[1]) if found else ""


def is_asked(answer):
    return answer.status_code == 302 and answer["Location"].startswith("/accounts/confirm/password/?next=")


@pytest.fixture
def opened(client, owner):
    """The mark of a form that was opened at the very end of the ten minutes."""
    client.force_login(owner)
    grow_stale(client, 599)
    mark = mark_in(client.get(REMOVE))
    grow_stale(client, 2)
    return mark


def test_a_form_opened_in_time_may_be_sent_later(client, opened, workspace):
    assert client.post(REMOVE, {"opened": opened})["Location"] == f"{W}settings/"
    assert is_asked(client.get(REMOVE))


def test_ten_minutes_mean_ten_without_a_form_that_was_opened_in_time(stale, workspace):
    assert is_asked(stale.post(REMOVE))
    assert Workspace.objects.get().api_key == workspace.api_key


def test_filling_in_a_form_may_not_take_more_than_ten_minutes(client, opened):
    with time_machine.travel(timedelta(seconds=601), tick=False):
        assert is_asked(client.post(REMOVE, {"opened": opened}))


def test_a_form_counts_for_the_address_that_it_is_sent_to_only(client, opened):
    assert is_asked(client.post(f"{W}settings/session/remove/", {"opened": opened}))


def test_a_form_counts_in_the_session_that_opened_it_only(opened, owner):
    other = Client()
    other.force_login(owner)
    grow_stale(other)
    assert is_asked(other.post(REMOVE, {"opened": opened}))


@pytest.mark.parametrize("mark", ["", "opened", "opened:1:x", "\x00", "ö" * 5000])
def test_a_made_up_mark_is_none(stale, mark):
    assert is_asked(stale.post(REMOVE, {"opened": mark}))


def test_who_is_not_confirmed_gets_forms_without_a_mark(stale, client):
    assert mark_in(stale.get(f"{W}members/")) == ""
    assert mark_in(client.get("/accounts/login/")) == ""


def test_a_form_that_comes_back_with_a_mistake_keeps_the_mark_that_it_had(client, owner):
    client.force_login(owner)
    mark = mark_in(client.get(f"{W}settings/remove/"))
    grow_stale(client)
    page = client.post(f"{W}settings/remove/", {"phrase": "wrong", "opened": mark})
    assert (page.status_code, mark_in(page)) == (422, mark)


def test_the_forms_of_ones_own_account_keep_to_the_same_rule(client, owner):
    client.force_login(owner)
    new = {"oldpassword": PASSWORD, "password1": "another battery staple", "password2": "another battery staple"}
    mark = mark_in(client.get("/accounts/password/change/"))
    grow_stale(client)
    assert is_asked(client.post("/accounts/password/change/", new))
    assert client.post("/accounts/password/change/", {**new, "opened": mark})["Location"] == "/accounts/security/"
    assert "battery" not in str(dict(client.session))


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
    assert "Wrong password" in page.content.decode()
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
    assert "Confirm your identity" in page
    assert 'name="key-api_key"' not in page


def test_roles_come_first_a_viewer_is_told_no_instead_of_being_asked(client, viewer):
    client.force_login(viewer)
    grow_stale(client)
    assert client.get(f"{W}keys/new/").status_code == 403


def test_the_code_of_the_sign_in_does_not_confirm_too_and_that_is_said(client, owner):
    with_app(owner)
    code = code_of(owner)
    sign_in(client, owner)
    client.post("/accounts/login/code/", {"code": code})
    page = client.post("/accounts/confirm/code/", {"code": code}).content.decode()
    assert "Wait for the app" in page
    assert "Wrong code" not in page


def not_now(page):
    return re.search(r'href="([^"]+)">Not now', page.content.decode()).group(1)


def test_not_now_leads_back_to_where_one_was(stale):
    came_from = f"http://testserver{W}keys/?status=active"
    page = stale.get(f"{W}keys/new/", HTTP_REFERER=came_from, follow=True)
    assert not_now(page) == came_from
    url = page.redirect_chain[-1][0].partition("?")[0]
    again = stale.post(url, {"password": "wrong"}, HTTP_REFERER=f"http://testserver{url}")
    assert not_now(again) == came_from


@pytest.mark.parametrize(
    "came_from", ["", "https://elsewhere.example/", "http://testserver/accounts/confirm/password/"]
)
def test_not_now_leads_home_from_elsewhere_and_from_itself(came_from, stale):
    stale.get(f"{W}keys/new/", HTTP_REFERER=f"http://testserver{W}keys/", follow=True)
    assert not_now(stale.get(f"{W}keys/new/", HTTP_REFERER=came_from, follow=True)) == "/"
