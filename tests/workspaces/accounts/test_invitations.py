"""The link in an invitation's email, followed by those it is for and by others."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from tests.workspaces.accounts.conftest import link_in_mail, recorded
from workspaces.models import Invitation, Membership, Role, User
from workspaces.services import members

pytestmark = pytest.mark.django_db
GOOD = {
    "name": "Operations",
    "way": "password",
    "password": "a long enough phrase",
    "password_again": "a long enough phrase",
}


@pytest.fixture
def link(workspace, owner):
    return link_for(workspace, owner, "new@example.test")


def link_for(workspace, owner, email, role=Role.OPERATOR):
    members.invite(workspace, members.Actor(owner), email=email, role=role)
    return link_in_mail("/invitations/")


def test_a_newcomer_sets_a_password_and_is_in(client, link, workspace):
    answer = client.post(link, GOOD)
    assert answer["Location"] == "/accounts/security/"
    user = User.objects.get(email="new@example.test")
    assert (user.name, user.has_usable_password(), workspace.role_of(user)) == ("Operations", True, Role.OPERATOR)
    assert EmailAddress.objects.get(user=user).verified
    assert client.get("/w/example-works/keys/new/").status_code == 200


def test_the_newcomer_is_offered_a_second_factor_and_a_way_on(client, link):
    page = client.post(link, GOOD, follow=True).content.decode()
    assert "Add a second factor to protect your account" in page
    assert 'href="/w/example-works/"' in page


def test_it_is_recorded_under_the_newcomers_name(client, link):
    client.post(link, GOOD)
    events = [(event.action, event.actor_email) for event in recorded()[1:]]
    assert events == [
        ("person:account_opened", "new@example.test"),
        ("invitation:accepted", "new@example.test"),
        ("person:signed_in", "new@example.test"),
    ]


def test_who_prefers_a_passkey_is_led_to_adding_one(client, link):
    answer = client.post(link, {"name": "", "way": "passkey"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/security/passkeys/add/"
    assert answer.status_code == 200
    assert not User.objects.get(email="new@example.test").has_usable_password()


def test_an_abandoned_passkey_leads_to_no_loop(client, link):
    client.post(link, {"name": "", "way": "passkey"})
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 2000
    session.save()
    answer = client.get("/w/example-works/keys/new/", follow=True)
    assert answer.status_code == 200
    assert len(answer.redirect_chain) == 1


@pytest.mark.parametrize(
    ("entries", "field", "words"),
    [
        ({"password": ""}, "password", "Choose a password"),
        ({"password": "short", "password_again": "short"}, "password", "at least 12 characters"),
        ({"password": "new@example.test", "password_again": "new@example.test"}, "password", "too similar"),
        ({"password_again": "something else"}, "password_again", "match"),
        ({"name": "n" * 121}, "name", "at most 120"),
        ({"way": "magic"}, "way", "Choose one of the options"),
    ],
)
def test_a_bad_entry_says_why_at_the_field(client, link, entries, field, words):
    answer = client.post(link, {**GOOD, **entries})
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert not User.objects.filter(email="new@example.test").exists()


def test_it_works_once(client, link):
    client.post(link, GOOD)
    assert Client().get(link).status_code == 410
    assert Client().post(link, GOOD).status_code == 410


@pytest.mark.parametrize("fate", [{"expires_at": timezone.now() - timedelta(1)}, {"revoked_at": timezone.now()}])
def test_an_invitation_that_is_over_says_so(client, link, fate):
    Invitation.objects.update(**fate)
    assert "This invitation is no longer valid" in client.get(link).content.decode()
    assert client.post(link, GOOD).status_code == 410
    assert not Membership.objects.filter(user__email="new@example.test").exists()


def test_a_guessed_token_finds_nothing(client, link):
    assert client.get(f"{link[:-2]}x/").status_code == 404


def test_somebody_with_an_account_signs_in_to_join(client, workspace, owner, stranger):
    link = link_for(workspace, owner, stranger.email)
    assert f"/accounts/login/?next={link}" in client.get(link).content.decode()
    client.force_login(stranger)
    assert client.post(link)["Location"] == "/w/example-works/"
    assert workspace.role_of(stranger) == Role.OPERATOR


def test_the_account_of_an_invited_address_cannot_be_overwritten(client, workspace, owner, stranger):
    link = link_for(workspace, owner, stranger.email)
    client.post(link, GOOD)
    stranger.refresh_from_db()
    assert not stranger.check_password(GOOD["password"])


def test_another_account_cannot_take_it(client, link, viewer, workspace):
    client.force_login(viewer)
    assert "Sign out, then open the link" in client.get(link).content.decode()
    assert client.post(link).status_code == 403
    assert workspace.role_of(viewer) == Role.VIEWER


def test_a_member_is_never_lowered_by_an_invitation(client, workspace, owner, stranger):
    link = link_for(workspace, owner, stranger.email, Role.VIEWER)
    Membership.objects.create(user=stranger, workspace=workspace, role=Role.OPERATOR)
    client.force_login(stranger)
    client.post(link)
    assert workspace.role_of(stranger) == Role.OPERATOR


def test_a_closed_account_is_not_opened_by_an_invitation(client, workspace, owner, stranger):
    link = link_for(workspace, owner, stranger.email)
    User.objects.filter(pk=stranger.pk).update(is_active=False)
    assert client.post(link, GOOD).status_code == 410
    stranger.refresh_from_db()
    assert not stranger.is_active


def test_a_link_that_was_cut_short_says_so(client, db):
    answer = client.get("/invitations/cut-off/")
    assert answer.status_code == 404
    assert "It may be incomplete" in answer.content.decode()
