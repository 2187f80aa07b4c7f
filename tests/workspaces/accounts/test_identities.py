"""Identities of the company's provider that open an account: told, listed, unlinked."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from tests.workspaces.accounts.conftest import grow_stale, recorded, sent_mail, sign_in
from tests.workspaces.accounts.identity_provider import go_through
from workspaces.models import User

pytestmark = pytest.mark.django_db
SECURITY = "/accounts/security/"


@pytest.fixture
def linked(client, provider, viewer):
    """The viewer's identity, linked by signing in with it."""
    provider.claims["email"] = viewer.email
    go_through(client)
    return SocialAccount.objects.get()


def unlink_url(identity):
    return f"{SECURITY}identities/{identity.pk}/unlink/"


def test_the_owner_of_an_account_is_told_that_an_identity_opens_it_now(linked, viewer):
    (message,) = sent_mail()
    assert message.to == [viewer.email]
    assert message.subject == "Single sign-on was linked to your account"
    assert "from 127.0.0.1" in message.body
    assert "on the “Security” page" in message.body


def test_an_account_made_on_the_command_line_is_told_too(client, provider, admin):
    provider.claims["email"] = admin.email
    go_through(client)
    assert [message.to for message in sent_mail()] == [[admin.email]]


def test_people_see_their_identities_and_no_others(client, linked, viewer, owner):
    SocialAccount.objects.create(user=owner, provider="sso", uid="owner-1")
    content = client.get(SECURITY).content.decode()
    assert "Example login" in content
    assert unlink_url(linked) in content
    assert "owner-1" not in content


def test_who_has_none_sees_no_list(client, viewer):
    client.force_login(viewer)
    assert 'id="identities"' not in client.get(SECURITY).content.decode()


def test_an_identity_is_unlinked_recorded_and_told(client, linked, viewer):
    sent_mail()
    assert "can no longer sign in" in client.get(unlink_url(linked)).content.decode()
    client.post(unlink_url(linked))
    assert not SocialAccount.objects.exists()
    (event,) = recorded("person:sso_unlinked")
    assert (event.actor, event.subject, event.details) == (viewer, viewer.email, {"identity": viewer.email})
    assert "was unlinked from your account" in sent_mail()[-1].subject
    assert client.get("/").status_code == 200


def test_unlinking_ends_the_sessions_that_it_may_have_opened(client, linked):
    elsewhere = Client()
    go_through(elsewhere)
    assert elsewhere.get("/").status_code == 200
    client.post(unlink_url(linked))
    assert elsewhere.get("/").status_code == 302


def test_unlinking_takes_a_fresh_confirmation(client, linked):
    grow_stale(client, 3600)
    assert client.post(unlink_url(linked))["Location"].startswith("/accounts/confirm/password/")
    assert SocialAccount.objects.exists()


def test_an_account_keeps_a_way_in(client, linked, viewer):
    viewer.set_unusable_password()
    viewer.save()
    client.force_login(viewer)
    answer = client.post(unlink_url(linked), follow=True)
    assert "This is the only way to sign in" in answer.content.decode()
    assert SocialAccount.objects.exists()
    assert not recorded("person:sso_unlinked")


@pytest.mark.parametrize(("alone", "left"), [(True, 0), (False, 1)])
def test_a_passkey_is_a_way_in_if_it_signs_in_alone(client, linked, viewer, alone, left):
    viewer.set_unusable_password()
    viewer.save()
    data = {"name": "Laptop", "credential": {"signs_in_alone": alone}}
    passkey = Authenticator.objects.create(user=viewer, type="webauthn", data=data)
    confirm_by(client, viewer, passkey)
    client.post(unlink_url(linked))
    assert SocialAccount.objects.count() == left


def test_of_two_identities_one_can_go(client, linked, viewer):
    viewer.set_unusable_password()
    viewer.save()
    client.force_login(viewer)
    SocialAccount.objects.create(user=viewer, provider="sso", uid="another")
    client.post(unlink_url(linked))
    client.post(unlink_url(SocialAccount.objects.get(uid="another")))
    assert [left.uid for left in SocialAccount.objects.all()] == ["another"]


def test_site_admins_see_and_unlink_identities_of_others(linked, viewer, admin):
    sent_mail()
    theirs = Client()
    sign_in(theirs, admin)
    url = f"/people/{viewer.pk}/identities/{linked.pk}/unlink/"
    assert url in theirs.get("/people/").content.decode()
    theirs.post(url)
    assert not SocialAccount.objects.exists()
    assert [event.actor for event in recorded("person:sso_unlinked")] == [admin]
    message = sent_mail()[-1]
    assert (message.to, "admin@example.test" in message.body) == ([viewer.email], True)
    assert "127.0.0.1" not in message.body


def test_twenty_accounts_with_identities_take_as_many_queries_as_one(
    client, admin, linked, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(admin)
    with django_assert_max_num_queries(20) as few:
        client.get("/people/")
    for number in range(20):
        user = User.objects.create_user(f"person-{number}@example.test")
        SocialAccount.objects.create(user=user, provider="sso", uid=str(number))
    with django_assert_num_queries(len(few)):
        client.get("/people/")


def confirm_by(client, user, passkey):
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] += [
        {**session["account_authentication_methods"][-1], "method": "mfa", "id": passkey.pk, "type": "webauthn"}
    ]
    session.save()
