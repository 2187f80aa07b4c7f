"""A workspace that asks its members for a second factor."""

import pytest
from allauth.account.internal.flows.login import record_authentication

from tests.workspaces.accounts.conftest import recorded, sign_in, with_app
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
W = "/w/example-works/"


@pytest.fixture
def strict(workspace):
    Workspace.objects.update(requires_mfa=True)
    return workspace


def test_a_member_without_one_is_sent_to_set_it_up_and_can_go_on_from_there(client, strict, viewer):
    client.force_login(viewer)
    for page in ("", "keys/", "settings/", "audit/"):
        assert client.get(f"{W}{page}")["Location"] == "/accounts/security/"
    content = client.get("/accounts/security/").content.decode()
    assert "requires a second factor" in content
    assert f'href="{W}"' in content


def test_a_member_with_one_opens_it(client, strict, viewer):
    with_app(viewer)
    client.force_login(viewer)
    assert client.get(W).status_code == 200


def test_the_start_page_shows_no_figures_of_it_to_members_without_one(client, strict, viewer):
    client.force_login(viewer)
    page = client.get("/")
    assert page.context["summaries"] == []
    assert "Needs a second factor" in page.content.decode()


def test_site_admins_are_no_exception(client, strict, admin):
    client.force_login(admin)
    assert client.get(W).status_code == 302


def test_a_stranger_still_learns_nothing(client, strict, stranger):
    client.force_login(stranger)
    assert client.get(W).status_code == 404


def test_an_owner_without_one_cannot_ask_it_of_others(client, workspace, owner):
    client.force_login(owner)
    answer = client.post(f"{W}members/mfa/", {"required": "on"}, follow=True)
    assert "lock yourself out" in answer.content.decode()
    assert not Workspace.objects.get().requires_mfa


def test_an_owner_with_one_switches_it_on_and_off(client, workspace, owner):
    with_app(owner)
    client.force_login(owner)
    confirm_by_app(client, owner)
    client.post(f"{W}members/mfa/", {"required": "on"})
    assert Workspace.objects.get().requires_mfa
    client.post(f"{W}members/mfa/")
    assert not Workspace.objects.get().requires_mfa
    actions = [event.action for event in recorded()]
    assert actions == ["workspace:mfa_required", "workspace:mfa_not_required"]


def confirm_by_app(client, user):
    class Request:
        session = client.session

    record_authentication(Request, user, "mfa", type="totp")
    Request.session.save()


def test_a_required_second_factor_is_said_and_offers_no_way_that_leads_back_here(client, owner, workspace):
    workspace.requires_mfa = True
    workspace.save()
    sign_in(client, owner)
    page = client.get(workspace.get_absolute_url(), follow=True).content.decode()
    assert "Example Works requires a second factor" in page
    assert "Continue to the workspace" not in page
