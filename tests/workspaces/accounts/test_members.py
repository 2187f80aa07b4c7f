"""Members of a workspace, from the owners' page: invited, given roles, removed."""

import re
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from unittest.mock import Mock

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from tests.workspaces.accounts.conftest import link_in_mail, recorded, sent_mail, with_app
from workspaces.models import AccountMail, Invitation, Membership, Role
from workspaces.services import account_mail

pytestmark = pytest.mark.django_db
W = "/w/example-works/"
MEMBERS = f"{W}members/"


@pytest.fixture
def page(client, owner):
    client.force_login(owner)
    return client


def of(user):
    return Membership.objects.get(user=user)


def change(client, user, role):
    return client.post(f"{MEMBERS}{of(user).pk}/role/", {"role": role}, follow=True)


def notices(answer):
    return " ".join(str(message) for message in answer.context["messages"])


def invite(client, email="new@example.test", role="operator"):
    return client.post(f"{MEMBERS}invite/", {"email": email, "role": role})


def test_the_page_lists_role_second_factor_and_last_sign_in(page, owner, viewer):
    with_app(viewer)
    content = page.get(MEMBERS).content.decode()
    assert viewer.email in content
    assert "never" in content
    assert [membership.has_mfa for membership in page.get(MEMBERS).context["memberships"]] == [False, True]


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("viewer", 403), ("stranger", 404)])
def test_only_owners_open_the_page_or_command_there(client, request, workspace, owner, role, status):
    client.force_login(request.getfixturevalue(role))
    assert client.get(MEMBERS).status_code == status
    commands = [
        f"{MEMBERS}invite/",
        f"{MEMBERS}mfa/",
        f"{MEMBERS}{of(owner).pk}/role/",
        f"{MEMBERS}{of(owner).pk}/remove/",
    ]
    assert {client.post(url, {"email": "a@example.test", "role": "owner"}).status_code for url in commands} == {status}
    assert not recorded()


def test_an_invitation_is_mailed_and_recorded(page, owner):
    assert invite(page)["Location"] == MEMBERS
    (message,) = sent_mail()
    assert message.to == ["new@example.test"]
    assert "operator" in message.body
    assert '<a class="action" href="http://localhost:8000/invitations/invite_' in message.alternatives[0].content
    (event,) = recorded("invitation:sent")
    assert (event.actor, event.subject, event.details["role"]) == (owner, "new@example.test", "operator")


def test_the_token_is_neither_in_the_database_nor_in_the_trail(page, owner):
    invite(page)
    token = sent_mail()[0].body.split("/invitations/")[1].split("/")[0]
    assert token not in str(vars(Invitation.objects.get()))
    assert token not in str(vars(recorded()[0]))


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("", "Fill in this field"),
        ("not an address", "Enter an email address"),
        ("pi\u212a@example.test", "Enter an email address"),  # lower case makes a k of the Kelvin sign
        ("OWNER@example.test", "is already a member"),
        ("waiting@example.test", "already invited"),
    ],
)
def test_a_bad_invitation_says_why_at_the_field(page, email, words):
    invite(page, "waiting@example.test")
    answer = invite(page, email)
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors["email"])
    assert len(sent_mail()) == 1


def test_a_role_that_does_not_exist_is_refused(page):
    assert "role" in invite(page, role="emperor").context["form"].errors


def test_sending_again_makes_the_earlier_link_worthless(page, client):
    invite(page)
    first = link_in_mail("/invitations/").removeprefix("/invitations/")
    page.post(f"{W}invitations/{Invitation.objects.get().pk}/resend/")
    assert Client().get(f"/invitations/{first}").status_code == 404  # at once, whenever the new one is sent
    second = link_in_mail("/invitations/").removeprefix("/invitations/")
    client.logout()
    assert client.get(f"/invitations/{first}").status_code == 404
    assert client.get(f"/invitations/{second}").status_code == 200


def states(page):
    """What the list of invitations says of each, as a reader sees it."""
    rows = re.findall(r"<tr data-row>(.*?)</tr>", page.get(MEMBERS).text.partition("<h2>Invited</h2>")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row.partition('data-label="Sent"')[2]).split()) for row in rows]


def test_nobody_who_invites_waits_for_the_mail_server_and_the_list_says_when_it_took_it(page, settings):
    settings.EMAIL_BACKEND = "a backend that no request ever loads"
    assert invite(page)["Location"] == MEMBERS
    (row,) = states(page)
    assert "not yet" in row
    assert "Sending" in row
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    sent_mail()
    (row,) = states(page)
    assert "just now" in row
    assert "Pending" in row
    assert Invitation.objects.get().sent_at


def test_a_mail_server_that_is_down_is_named_in_the_list_until_it_takes_the_mail(page, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    invite(page)
    assert account_mail.send_due() == 0
    (row,) = states(page)
    assert "accepted it yet. The console will retry." in row
    assert "Not sent" in row
    AccountMail.objects.update(created_at=timezone.now() - timedelta(hours=25), next_attempt_at=timezone.now())
    account_mail.send_due()
    assert "accept it for a day. Send it again." in states(page)[0]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    page.post(f"{W}invitations/{Invitation.objects.get().pk}/resend/")
    assert "Sending" in states(page)[0]
    assert len(sent_mail()) == 1
    assert "Pending" in states(page)[0]


def test_an_address_that_the_mail_server_refuses_is_not_tried_again(page, monkeypatch):
    refusal = SMTPRecipientsRefused({"new@example.test": (550, b"no such user")})
    monkeypatch.setattr(EmailMultiAlternatives, "send", Mock(side_effect=refusal))
    invite(page)
    account_mail.send_due()
    assert "rejected this address" in states(page)[0]
    assert not AccountMail.objects.exists()


@pytest.mark.parametrize("fate", ["revoke", "resend", "expire"])
def test_of_several_mails_only_one_with_a_live_link_is_sent(page, fate):
    invite(page)
    invitation = Invitation.objects.get()
    if fate == "expire":
        Invitation.objects.update(expires_at=timezone.now())
        invite(page)
    else:
        page.post(f"{W}invitations/{invitation.pk}/{fate}/")
    assert len(sent_mail()) == (0 if fate == "revoke" else 1)
    assert not AccountMail.objects.exists()
    if fate != "revoke":
        assert Client().get(link_in_mail("/invitations/")).status_code == 200


def test_what_waits_of_an_invitation_opens_nothing(page):
    invite(page)
    assert AccountMail.objects.get().facts == {"invitation": Invitation.objects.get().pk}


def test_an_invitation_whose_sender_may_no_longer_invite_is_not_sent(page, owner, operator):
    invite(page)
    Membership.objects.filter(user=operator).update(role=Role.OWNER)
    Membership.objects.filter(user=owner).update(role=Role.VIEWER)
    assert not sent_mail()


def test_a_role_is_changed_and_recorded(page, viewer):
    change(page, viewer, "operator")
    assert of(viewer).role == Role.OPERATOR
    (event,) = recorded("member:role_changed")
    assert (event.details, event.subject) == ({"before": "viewer", "after": "operator"}, viewer.email)


def test_the_last_owner_can_be_neither_demoted_nor_removed(page, owner):
    assert "last owner" in notices(change(page, owner, "viewer"))
    assert "last owner" in notices(page.post(f"{MEMBERS}{of(owner).pk}/remove/", follow=True))
    assert of(owner).role == Role.OWNER


def test_an_owner_who_cannot_sign_in_does_not_count(page, owner, operator):
    Membership.objects.filter(user=operator).update(role=Role.OWNER)
    type(operator).objects.filter(pk=operator.pk).update(is_active=False)
    assert "last owner" in notices(change(page, owner, "viewer"))


def test_with_a_second_owner_one_may_step_down_and_then_sees_the_page_no_more(page, owner, operator):
    change(page, operator, "owner")
    assert change(page, owner, "viewer").status_code == 200
    assert of(owner).role == Role.VIEWER
    assert page.get(MEMBERS).status_code == 403


def test_nobody_raises_themselves(client, workspace, admin, owner):
    Membership.objects.create(user=admin, workspace=workspace, role=Role.VIEWER)
    client.force_login(admin)
    assert "raise your own role" in notices(change(client, admin, "owner"))
    assert of(admin).role == Role.VIEWER


def test_removing_asks_first_and_then_closes_the_workspace_to_them(page, client, viewer):
    url = f"{MEMBERS}{of(viewer).pk}/remove/"
    assert f"Remove {viewer.email}?" in page.get(url).content.decode()
    page.post(url)
    client.force_login(viewer)
    assert client.get(W).status_code == 404
    assert recorded("member:removed")[0].subject == viewer.email


def test_a_member_of_another_workspace_cannot_be_reached_through_this_one(page, stranger, workspace):
    other = type(workspace).objects.create(name="Other", slug="other", base_url=workspace.base_url)
    membership = Membership.objects.create(user=stranger, workspace=other, role=Role.OWNER)
    assert page.post(f"{MEMBERS}{membership.pk}/remove/").status_code == 404
    assert page.post(f"{MEMBERS}{membership.pk}/role/", {"role": "viewer"}).status_code == 404


def test_leaving_is_worded_for_oneself_and_not_offered_to_the_only_owner(page, owner, operator):
    leave = f"{MEMBERS}{of(owner).pk}/remove/"
    assert "Leave…" not in page.get(MEMBERS).content.decode()
    Membership.objects.filter(user=operator).update(role="owner")
    assert "Leave…" in page.get(MEMBERS).content.decode()
    asked = page.get(leave).content.decode()
    assert "Leave Example Works?" in asked
    assert "You lose access to Example Works" in asked
    assert "They" not in asked


def test_a_site_admin_who_is_removed_is_said_to_stay_able_to_open_it(page, admin, workspace):
    membership = Membership.objects.create(user=admin, workspace=workspace, role="viewer")
    asked = page.get(f"{MEMBERS}{membership.pk}/remove/").content.decode()
    assert "As a site admin they can still open Example Works" in asked
    assert "lose access" not in asked


def test_a_role_has_its_article(page, viewer):
    assert f"{viewer.email} is an operator now." in notices(change(page, viewer, "operator"))


def test_a_site_admins_page_does_not_speak_of_a_workspace(page):
    refused = page.get("/people/").content.decode()
    assert "Only site admins" in refused
    assert "this workspace" not in refused
