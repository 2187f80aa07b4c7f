"""Signing in by the company's identity provider, over real sockets."""

import httpx
import pytest

from tests.accounts.conftest import code_of, grow_stale, recorded, with_app
from tests.accounts.identity_provider import LOGIN, go_through
from workspaces.models import Role, User
from workspaces.services import members

pytestmark = pytest.mark.django_db


def test_without_settings_there_is_no_button_and_no_page(client, db):
    assert "single sign-on" not in client.get("/accounts/login/").content.decode()
    assert client.get(LOGIN).status_code == 404


def test_somebody_with_an_account_signs_in_and_lands_where_they_wanted(client, provider, viewer):
    provider.claims["email"] = viewer.email.upper()
    assert "Sign in with Example login" in client.get("/accounts/login/").content.decode()
    assert go_through(client, "/w/example-works/")["Location"] == "/w/example-works/"
    assert client.get("/w/example-works/").status_code == 200
    assert [event.action for event in recorded()] == ["person:sso_linked", "person:signed_in"]


def test_the_second_time_the_identity_is_known(client, provider, viewer):
    provider.claims["email"] = viewer.email
    go_through(client)
    client.post("/accounts/logout/")
    provider.claims["email"] = "renamed@example.test"
    assert go_through(client)["Location"] == "/"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "nobody@example.test"}, "this console does not"),
        ({"email_verified": False}, "did not vouch"),
        ({"email": ""}, "did not vouch"),
    ],
)
def test_an_identity_alone_is_not_an_account(client, provider, viewer, claims, words):
    provider.claims |= {"email": viewer.email, **claims}
    answer = go_through(client)
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert client.get("/").status_code == 302
    assert User.objects.count() == 1


def test_a_closed_account_stays_closed(client, provider, viewer):
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    provider.claims["email"] = viewer.email
    assert go_through(client).status_code == 403


def test_who_is_invited_joins_by_signing_in(client, provider, workspace, owner):
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OPERATOR)
    assert go_through(client).status_code == 302
    user = User.objects.get(email="operations@example.test")
    assert workspace.role_of(user) == Role.OPERATOR
    assert not user.has_usable_password()


def test_the_second_factor_is_asked_for_here_too(client, provider, viewer):
    with_app(viewer)
    provider.claims["email"] = viewer.email
    assert go_through(client)["Location"] == "/accounts/login/code/"
    client.post("/accounts/login/code/", {"code": code_of(viewer)})
    assert client.get("/").status_code == 200


def test_without_a_password_the_provider_confirms_who_is_there(client, provider, workspace, owner):
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OPERATOR)
    go_through(client)
    grow_stale(client)
    answer = client.get("/w/example-works/keys/new/")
    to_provider = client.get(answer["Location"])["Location"]
    assert "prompt=login" in to_provider
    back = httpx.get(to_provider).headers["Location"].removeprefix("http://testserver")
    assert client.get(back)["Location"] == "/w/example-works/keys/new/"
    assert client.get("/w/example-works/keys/new/").status_code == 200


@pytest.mark.parametrize(
    ("exception", "words"),
    [("", "choose “Forgot your password?”"), ("break-glass@example.test", "sign in by single sign-on")],
)
def test_who_can_confirm_nowhere_is_told_what_to_do(client, provider, workspace, owner, settings, exception, words):
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OPERATOR)
    go_through(client)
    grow_stale(client)
    settings.SOCIALACCOUNT_PROVIDERS, settings.SSO_ONLY_EXCEPT = {"openid_connect": {"APPS": []}}, exception
    page = client.get("/w/example-works/keys/new/", follow=True)
    assert page.redirect_chain == [("/accounts/security/", 302)]
    assert f"Sign out, then {words}" in page.content.decode()


def test_a_provider_that_is_down_is_said_so(client, provider):
    provider.stop()
    answer = client.get(LOGIN)
    assert answer.status_code == 502
    assert "Signing in did not work" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "?code=made-up&state=made-up", "?error=access_denied", "?state[]=1"])
def test_a_made_up_way_back_signs_nobody_in(client, provider, query):
    assert client.get(f"{LOGIN}callback/{query}").status_code in {302, 401}
    assert client.get("/").status_code == 302
