"""What the operator can ask of everybody: only allows single sign-on, but for one account, or a second factor."""

from unittest.mock import Mock

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import OperationalError

from config import checks
from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import grow_stale, recorded, sent_mail, sign_in, with_app
from tests.workspaces.accounts.identity_provider import LOGIN, go_through
from tests.workspaces.accounts.test_passkeys import add, secure, sign_in_alone  # noqa: F401 - a fixture among them
from tests.workspaces.accounts.virtual_passkey import SoftwarePasskey
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.models import Role, User
from workspaces.services import members

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "another long enough phrase"


@pytest.fixture
def sso_only(settings, provider, admin, viewer):
    """The viewer's identity is known to the provider; the site admin has the account for emergencies."""
    provider.claims["email"] = viewer.email
    settings.SSO_ONLY_EXCEPT = "Admin@Example.test"


@pytest.fixture
def strict(settings):
    settings.REQUIRE_SECOND_FACTOR = True


def test_a_right_password_is_answered_as_a_wrong_one_is(client, sso_only, viewer):
    right, wrong = (sign_in(client, viewer, password).content.decode() for password in (PASSWORD, "wrong"))
    assert "Wrong email address or password" in right
    assert right.count("Wrong email address or password") == wrong.count("Wrong email address or password")
    assert client.get("/").status_code == 302
    assert len(recorded("person:sign_in_failed")) == 2


def test_the_named_account_signs_in_with_its_password(client, sso_only, admin):
    assert "Emergency account" in client.get("/accounts/login/").content.decode()
    assert sign_in(client, admin)["Location"] == "/w/example-works/"
    assert client.get("/people/").status_code == 200


def test_everybody_else_signs_in_with_their_identity(client, sso_only, viewer):
    go_through(client)
    assert client.get("/w/example-works/").status_code == 200


def test_a_passkey_does_not_stand_in_for_it(secure, settings, viewer):  # noqa: F811
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    add(secure, passkey, passwordless="on")
    settings.SSO_ONLY_EXCEPT = "admin@example.test"
    assert "uses single sign-on" in sign_in_alone(secure, passkey).content.decode()
    assert secure.get("/").status_code == 302


def test_no_look_alike_of_the_account_for_emergencies_is_exempt(settings):
    settings.SSO_ONLY_EXCEPT = "Kim@example.test"
    exempt = [
        email for email in ("kim@example.test", "KIM@Example.test", "\u212aim@example.test") if not is_sso_only(email)
    ]
    assert exempt == ["kim@example.test", "KIM@Example.test"]


def test_a_session_that_began_with_a_password_ends(client, viewer, settings):
    sign_in(client, viewer)
    assert client.get("/").status_code == 200
    settings.SSO_ONLY_EXCEPT = "admin@example.test"
    answer = client.get("/w/example-works/", follow=True)
    assert "Sign in with it" in answer.content.decode()
    assert recorded("person:signed_out")[0].actor == viewer


def test_only_the_named_account_gets_a_link_to_a_new_password(client, sso_only, viewer, admin):
    for person in (viewer, admin):
        client.post("/accounts/password/reset/", {"email": person.email})
    assert [message.to for message in sent_mail()] == [[admin.email]]


@pytest.mark.parametrize("page", ["change", "set"])
def test_passwords_are_neither_offered_nor_taken(client, sso_only, page):
    go_through(client)
    assert "password/change/" not in client.get("/accounts/security/").content.decode()
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post(f"/accounts/password/{page}/", fields).status_code == 403


def test_who_is_invited_joins_by_their_identity_alone(client, sso_only, provider, workspace, owner):
    provider.claims["email"] = "operations@example.test"
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OPERATOR)
    url = next(word for word in sent_mail()[-1].body.split() if "/invitations/" in word)
    path = url.removeprefix("http://localhost:8000")
    assert "Sign in with Example login" in client.get(path).content.decode()
    fields = {"name": "", "way": "password", "password": NEW, "password_again": NEW}
    assert client.post(path, fields).status_code == 403
    assert not User.objects.filter(email="operations@example.test").exists()
    go_through(client)
    assert client.get("/w/example-works/").status_code == 200


def test_the_provider_confirms_who_is_there(client, sso_only, workspace, viewer):
    go_through(client)
    grow_stale(client, 3600)
    answer = client.get("/accounts/security/app/add/")
    assert answer["Location"].startswith(LOGIN)


def test_the_last_identity_stays_linked(client, sso_only):
    go_through(client)
    identity = SocialAccount.objects.get()
    answer = client.post(f"/accounts/security/identities/{identity.pk}/unlink/", follow=True)
    assert "only allows single sign-on" in answer.content.decode()
    assert SocialAccount.objects.exists()


@pytest.mark.parametrize("page", ["/", "/w/example-works/", "/people/", "/account/", "/w/connect/", "/audit/"])
def test_nobody_goes_on_without_a_second_factor_site_admins_included(client, strict, admin, workspace, page):
    sign_in(client, admin)
    answer = client.get(page, follow=True)
    assert answer.redirect_chain == [("/accounts/security/", 302)]
    assert "requires a second factor" in answer.content.decode()


def test_a_command_is_not_done_either(client, strict, admin, viewer):
    sign_in(client, admin)
    client.post(f"/people/{viewer.pk}/deactivate/")
    assert User.objects.get(pk=viewer.pk).is_active


def test_with_one_everything_opens(client, strict, viewer):
    with_app(viewer)
    client.force_login(viewer)
    assert client.get("/w/example-works/").status_code == 200


def test_it_can_be_set_up_and_left(client, strict, viewer):
    sign_in(client, viewer)
    assert client.get("/accounts/security/app/add/").status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_owners_are_not_asked_to_decide_what_the_operator_has_decided(client, strict, workspace, owner):
    with_app(owner)
    client.force_login(owner)
    content = client.get("/w/example-works/members/").content.decode()
    assert "This console requires a second factor" in content
    assert "members/mfa/" not in content


def found_by_the_deployment_check():
    return [(note.id, note.msg) for note in checks.check_emergency_account()]


def closed(user):
    user.is_active = False


def without_password(user):
    user.set_unusable_password()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, ""),
        (closed, "names a deactivated account"),
        (without_password, "names an account without a password"),
        (lambda user: setattr(user, "email", "another@example.test"), "names an unknown account"),
    ],
)
def test_the_deployment_check_warns_of_an_account_for_emergencies_that_would_not_open(sso_only, admin, change, words):
    if change:
        change(admin)
        admin.save()
    found = found_by_the_deployment_check()
    assert [number for number, _ in found] == (["config.W004"] if words else [])
    assert not words or words in found[0][1]


def test_a_passkey_that_signs_in_alone_opens_it_as_well(secure, sso_only, admin):  # noqa: F811
    sign_in(secure, admin)
    add(secure, SoftwarePasskey(), passwordless="on")
    admin.set_unusable_password()
    admin.save()
    assert found_by_the_deployment_check() == []


def test_it_does_not_warn_where_passwords_work_and_says_where_it_cannot_know(db, settings, monkeypatch):
    assert found_by_the_deployment_check() == []
    settings.SSO_ONLY_EXCEPT = "admin@example.test"
    monkeypatch.setattr(User.objects, "filter", Mock(side_effect=OperationalError("no such table")))
    assert [number for number, _ in found_by_the_deployment_check()] == ["config.I004"]
