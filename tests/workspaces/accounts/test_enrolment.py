"""Where a second factor is demanded, who knows only a password does not quietly bring their own."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.workspaces.accounts.conftest import code_of, link_in_mail, recorded, sent_mail, sign_in, with_app
from tests.workspaces.accounts.identity_provider import go_through
from workspaces.models import Invitation, Role, User, Workspace

pytestmark = pytest.mark.django_db
SECURITY = "/accounts/security/"
ADD = [f"{SECURITY}app/add/", f"{SECURITY}passkeys/add/"]
ASKED = "we'll first send a link to"
NEW = "another long enough phrase"


@pytest.fixture
def strict(workspace):
    Workspace.objects.update(requires_mfa=True)


def mailed_link(client):
    client.post(f"{SECURITY}mail/")
    return link_in_mail(f"{SECURITY}mail/")


@pytest.mark.parametrize("page", ADD)
def test_a_password_alone_does_not_enrol_where_a_workspace_asks_for_a_second_factor(client, strict, viewer, page):
    sign_in(client, viewer)
    for answer in (client.get(page), client.post(page, {"code": "123456"})):
        assert ASKED in answer.content.decode()
        assert "form" not in answer.context or answer.context["form"] is None


@pytest.mark.parametrize("page", ADD)
def test_nor_where_the_console_does(client, settings, admin, page):
    settings.REQUIRE_SECOND_FACTOR = True
    sign_in(client, admin)
    assert ASKED in client.get(page).content.decode()


@pytest.mark.parametrize("page", ADD)
def test_the_link_in_the_account_s_mail_opens_the_way(client, strict, viewer, page):
    sign_in(client, viewer)
    link = mailed_link(client)
    assert sent_mail()[-1].to == [viewer.email]
    assert "Now set up a second factor" in client.get(link, follow=True).content.decode()
    assert ASKED not in client.get(page).content.decode()
    assert [event.actor for event in recorded("person:enrolment_proved")] == [viewer]


def test_then_it_is_set_up_and_the_workspace_opens(client, strict, viewer):
    sign_in(client, viewer)
    client.get(mailed_link(client))
    secret = client.get(ADD[0]).context["form"].secret
    client.post(ADD[0], {"code": code_of(secret)})
    assert client.get("/w/example-works/").status_code == 200


def test_the_owner_who_opens_a_link_that_somebody_else_asked_for_lets_nobody_in(strict, viewer):
    theirs, attacker = Client(), Client()
    for client in (theirs, attacker):
        sign_in(client, viewer)
    theirs.post(f"{SECURITY}mail/")
    link = mailed_link(attacker)
    assert "another browser" in theirs.get(link, follow=True).content.decode()
    assert all(ASKED in client.get(ADD[0]).content.decode() for client in (theirs, attacker))


def test_a_link_of_another_account_or_a_made_up_one_is_worth_nothing(client, strict, viewer, owner):
    sign_in(client, owner)
    link = mailed_link(client)
    client.post("/accounts/logout/")
    sign_in(client, viewer)
    for path in (link, f"{SECURITY}mail/made-up/", f"{SECURITY}mail/{'x' * 3000}/"):
        assert client.get(path).status_code == 302
    assert ASKED in client.get(ADD[0]).content.decode()
    assert not recorded("person:enrolment_proved")


def test_an_old_link_is_worth_nothing(client, strict, viewer):
    sign_in(client, viewer)
    link = mailed_link(client)
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        answer = client.get(link, follow=True)
    assert "has expired" in answer.content.decode()
    assert not recorded("person:enrolment_proved")


def test_links_are_not_mailed_without_end(client, strict, viewer):
    sign_in(client, viewer)
    for _ in range(7):
        client.post(f"{SECURITY}mail/")
    assert len(sent_mail()) == 5


@pytest.mark.parametrize("page", ADD)
def test_where_nobody_demands_one_it_is_set_up_as_before(client, viewer, page):
    sign_in(client, viewer)
    assert ASKED not in client.get(page).content.decode()


def test_a_second_one_is_added_with_the_first(client, strict, viewer):
    with_app(viewer)
    sign_in(client, viewer)
    client.post("/accounts/login/code/", {"code": code_of(viewer)})
    assert ASKED not in client.get(ADD[1]).content.decode()


def test_who_came_by_the_identity_provider_is_not_asked(client, strict, provider, viewer):
    provider.claims["email"] = viewer.email
    go_through(client)
    assert ASKED not in client.get(ADD[0]).content.decode()


@pytest.mark.parametrize("way", ["password", "passkey"])
def test_who_has_just_opened_an_invitation_is_not_asked_again(client, strict, workspace, owner, way):
    invitation = Invitation(workspace=workspace, email="newcomer@example.test", role=Role.VIEWER, invited_by=owner)
    token = invitation.renew_token()
    invitation.save()
    fields = {"name": "", "way": way, "password": NEW, "password_again": NEW}
    client.post(f"/invitations/{token}/", fields)
    assert User.objects.filter(email="newcomer@example.test").exists()
    assert ASKED not in client.get(ADD[0]).content.decode()
