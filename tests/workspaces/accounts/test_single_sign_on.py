"""Signing in by the company's identity provider, over real sockets."""

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from django.utils import timezone

from tests.workspaces.accounts.conftest import code_of, grow_stale, recorded, with_app
from tests.workspaces.accounts.identity_provider import LOGIN, go_through
from workspaces.accounts.single_sign_on import ADDRESSES
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
    assert go_through(client)["Location"] == "/w/example-works/"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "nobody@example.test"}, "You don't have an account here yet"),
        ({"email_verified": False}, "verified your email address"),
        ({"email": ""}, "verified your email address"),
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


@pytest.fixture
def by_identity(client, provider, workspace, owner):
    """An owner without a password or a second factor, signed in a while ago."""
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OWNER)
    go_through(client)
    grow_stale(client)
    return client


NEW_KEY = "/w/example-works/keys/new/"


def confirm_by_identity(client):
    """Confirm as the page of new keys asks; return what the provider was asked, and the console's answer."""
    asked_of_provider = client.get(client.get(NEW_KEY)["Location"])["Location"]
    back = httpx.get(asked_of_provider).headers["Location"].removeprefix("http://testserver")
    return parse_qs(urlsplit(asked_of_provider).query), client.get(back)


def test_without_a_password_the_provider_confirms_who_is_there(by_identity):
    asked, answer = confirm_by_identity(by_identity)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["600"])
    assert answer["Location"] == NEW_KEY
    assert by_identity.get(NEW_KEY).status_code == 200


OLD = -601
ODD_TIMES = ["now", True, [], {}, -1, float("nan"), float("inf"), 10**300]


@pytest.mark.parametrize("said", [None, OLD, *ODD_TIMES], ids=repr)
def test_a_provider_that_did_not_have_them_sign_in_anew_confirms_nothing(by_identity, provider, said):
    provider.auth_time = lambda: time.time() + OLD if said == OLD else said
    _, answer = confirm_by_identity(by_identity)
    assert answer.status_code == 403
    assert ("more than 10 minutes old" if said == OLD else "didn't say") in answer.text
    assert by_identity.get(NEW_KEY).status_code == 302
    assert by_identity.get("/w/example-works/").status_code == 200


def test_such_a_confirmation_ends_ten_minutes_after_they_signed_in_at_the_provider(by_identity, provider):
    provider.auth_time = lambda: time.time() - 500
    confirm_by_identity(by_identity)
    assert by_identity.get(NEW_KEY).status_code == 200
    with time_machine.travel(timedelta(seconds=101) + timezone.now()):
        assert by_identity.get(NEW_KEY).status_code == 302


@pytest.mark.parametrize(("seconds", "status"), [(-700, 302), (-60, 200), (60, 200)])
def test_a_sign_in_counts_as_a_confirmation_from_when_the_provider_says_it_was(
    client, provider, owner, seconds, status
):
    provider.claims["email"] = owner.email
    provider.id_claims = {**provider.claims, "auth_time": time.time() + seconds}
    assert go_through(client)["Location"] == "/w/example-works/"
    assert client.get(NEW_KEY).status_code == status


def test_the_address_of_the_sign_in_has_no_say_in_what_the_provider_is_asked(by_identity):
    for more in ("max_age=999999999&prompt=none", "redirect_uri=https://elsewhere.example/&client_id=other"):
        asked = parse_qs(urlsplit(by_identity.get(LOGIN, {"auth_params": more})["Location"]).query)
        assert (asked["prompt"], asked["max_age"], asked["client_id"]) == (["login"], ["600"], ["console"])
        assert asked["redirect_uri"] == ["http://testserver/accounts/identity/sso/login/callback/"]


@pytest.mark.parametrize(
    ("exception", "words"),
    [("", "choose “Forgot your password?”"), ("break-glass@example.test", "sign in with single sign-on")],
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
    assert "Sign-in failed" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "?code=made-up&state=made-up", "?error=access_denied", "?state[]=1"])
def test_a_made_up_way_back_signs_nobody_in(client, provider, query):
    assert client.get(f"{LOGIN}callback/{query}").status_code in {302, 401}
    assert client.get("/").status_code == 302


def without(name):
    return pytest.param({name: None}, id=f"without {name}")


ODD_DESCRIPTIONS = [
    *(without(name) for name in ("issuer", *ADDRESSES)),
    *({name: odd} for name in ADDRESSES for odd in (7, [], {"a": "b"}, "", "/authorize", "javascript:alert(1)")),
    {"authorization_endpoint": "http://[broken"},
    {"authorization_endpoint": "http://"},
    {"issuer": ["a"]},
    {"token_endpoint_auth_methods_supported": 7},
    *([], "text", None, 7),
]


@pytest.mark.parametrize("odd", ODD_DESCRIPTIONS)
def test_an_odd_description_of_a_provider_is_said_so_on_the_way_there_and_back(client, provider, odd):
    back = httpx.get(client.get(LOGIN)["Location"]).headers["Location"].removeprefix("http://testserver")
    provider.odd = odd
    for url in (LOGIN, back):
        answer = client.get(url)
        assert (answer.status_code, "Sign-in failed" in answer.text) == (502, True)
    assert client.get("/").status_code == 302


ODD_TOKENS = [
    *([], "text", 7, {}, {"access_token": None}, {"access_token": ["a"]}, {"access_token": "a\nb"}),
    {"access_token": "a", "expires_in": "soon"},
    {"access_token": "a", "expires_in": 10**30},
    {"access_token": "a", "id_token": 7},
    {"access_token": "a", "id_token": "a.b.c"},
]


@pytest.mark.parametrize("odd", ODD_TOKENS, ids=repr)
def test_an_odd_answer_to_the_code_is_said_so(client, provider, viewer, odd):
    provider.claims["email"], provider.odd_token = "nobody@example.test", odd
    answer = go_through(client)
    assert answer.status_code in {401, 403}
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("odd", [["a"], {"a": 1}, None, 7], ids=repr)
def test_an_odd_name_of_a_person_is_said_so(client, provider, viewer, odd):
    provider.id_claims = {**provider.claims, "email": viewer.email}
    provider.claims["sub"] = odd
    assert go_through(client).status_code in {401, 403}
    assert client.get("/").status_code == 302


def test_a_provider_that_goes_down_between_there_and_back_is_said_so(client, provider):
    back = httpx.get(client.get(LOGIN)["Location"]).headers["Location"].removeprefix("http://testserver")
    provider.stop()
    assert client.get(back).status_code == 502
