"""Rights end when they end: what somebody held by a role goes with the role, is shown before, and recorded after."""

import html
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from alerts.mail import outbox, summaries
from alerts.models import Notification, Recipient, Rule
from alerts.services.recipients import queue_test
from tests.workspaces.accounts.conftest import code_of, link_in_mail, recorded, sign_in, with_app
from webhooks.models import Redelivery
from workspaces.audit.events import CONSOLE, Actor
from workspaces.models import AccountMail, Invitation, Membership, Role, User
from workspaces.services import members, people

pytestmark = pytest.mark.django_db
MEMBERS = "/w/example-works/members/"


@pytest.fixture
def second(workspace):
    """A second owner, who will lose it."""
    user = User.objects.create_user("second@example.test")
    Membership.objects.create(user=user, workspace=workspace, role=Role.OWNER)
    return user


@pytest.fixture
def page(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def backdoor(workspace, second):
    """The link of an invitation that the second owner sent before."""
    members.invite(workspace, Actor(second), email="backdoor@example.test", role=Role.OWNER)
    return link_in_mail("/invitations/")


def of(user):
    return Membership.objects.get(user=user)


def removed(user, by=CONSOLE):
    members.remove_member(of(user), by)


def demoted(user, by=CONSOLE):
    members.change_role(of(user), Role.OPERATOR, by)


def deactivated(user, by=CONSOLE):
    people.deactivate(user, by)


LOSSES = pytest.mark.parametrize("lose", [removed, demoted, deactivated])
LEAVING = pytest.mark.parametrize("lose", [removed, deactivated])


def recipient_of(user, workspace, **facts):
    return Recipient.objects.create(workspace=workspace, address=user.email, **facts)


def rule_of(workspace, *addresses, **facts):
    levels = {"kind": "balance_below", "threshold": Decimal(5), "recovery": Decimal(6), "to_owners": False}
    return Rule.objects.create(workspace=workspace, name="Low", addresses=list(addresses), **{**levels, **facts})


@LOSSES
def test_the_invitations_of_a_former_owner_open_nothing(client, owner, second, backdoor, lose):
    lose(second)
    assert "This invitation is no longer valid" in client.get(backdoor).text
    form = {"way": "password", "password": "a long enough phrase", "password_again": "a long enough phrase"}
    assert client.post(backdoor, form).status_code == 410
    assert not User.objects.filter(email="backdoor@example.test").exists()


def test_an_invitation_to_another_workspace_of_theirs_stays(owner, second, backdoor, workspace):
    removed(second)
    (invitation,) = Invitation.objects.all()
    assert invitation.revoked_at
    other = type(workspace).objects.create(name="Other", slug="other", base_url=workspace.base_url)
    Membership.objects.create(user=owner, workspace=other, role=Role.OWNER)
    Membership.objects.create(user=second, workspace=workspace, role=Role.OWNER)
    members.invite(other, Actor(owner), email="guest@example.test", role=Role.VIEWER)
    members.remove_member(Membership.objects.get(user=owner, workspace=workspace), CONSOLE)
    assert Invitation.objects.pending().get().email == "guest@example.test"


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_superuser": False}])
def test_an_invitation_is_worth_no_more_than_its_sender_when_it_is_accepted(client, admin, workspace, change):
    members.invite(workspace, Actor(admin), email="guest@example.test", role=Role.OWNER)
    link = link_in_mail("/invitations/")
    User.objects.filter(pk=admin.pk).update(**change)  # past every service, as in a shell
    answer = client.get(link)
    assert answer.status_code == 410
    assert "can no longer invite people" in answer.text
    assert not {admin.email, workspace.name} & set(answer.text.split())
    assert workspace.name not in answer.text
    with pytest.raises(members.NotVouchedFor):
        people.join(Invitation.objects.get(), CONSOLE, name="", password="a long enough phrase")
    assert not User.objects.filter(email="guest@example.test").exists()


def test_who_signs_in_by_identity_joins_by_no_such_invitation(admin, workspace):
    members.invite(workspace, Actor(admin), email="guest@example.test", role=Role.OWNER)
    User.objects.filter(pk=admin.pk).update(is_superuser=False)
    assert people.account_for_identity("guest@example.test", "Guest") is None
    assert not User.objects.filter(email="guest@example.test").exists()


def test_an_invitation_without_a_sender_is_marked_and_who_sends_it_again_vouches_for_it(client, page, admin, workspace):
    members.invite(workspace, Actor(admin), email="guest@example.test", role=Role.VIEWER)
    User.objects.filter(pk=admin.pk).update(is_superuser=False)
    assert "Sender can no longer invite" in page.get(MEMBERS).text
    page.post(f"/w/example-works/invitations/{Invitation.objects.get().pk}/resend/")
    assert "Sender can no longer invite" not in page.get(MEMBERS).text
    assert Client().get(link_in_mail("/invitations/")).status_code == 200


def test_who_lost_the_role_in_another_tab_invites_nobody_and_changes_no_member(owner, second, workspace, backdoor):
    demoted(second)
    late = Actor(second)
    commands = [
        lambda: members.invite(workspace, late, email="another@example.test", role=Role.OWNER),
        lambda: members.resend_invitation(Invitation.objects.get(), late),
        lambda: members.change_role(of(owner), Role.VIEWER, late),
        lambda: members.remove_member(of(owner), late),
        lambda: people.deactivate(owner, late),
    ]
    for command in commands:
        with pytest.raises(PermissionDenied):
            command()
    assert workspace.role_of(owner) == Role.OWNER
    assert not AccountMail.objects.exists()
    assert not Invitation.objects.pending().exists()


@LEAVING
def test_the_summary_ends(owner, second, workspace, lose):
    recipient_of(second, workspace, summary="daily")
    lose(second)
    assert summaries.write_due(timezone.now() + timedelta(days=2)) == 0


def test_a_former_owner_who_still_reads_the_workspace_keeps_the_summary(owner, second, workspace):
    recipient_of(second, workspace, summary="daily")
    demoted(second)
    assert summaries.write_due(timezone.now() + timedelta(days=2)) == 1


@LEAVING
def test_a_rule_names_them_no_more_and_tells_owners_rather_than_nobody(owner, second, workspace, lose):
    alone, shared = rule_of(workspace, second.email.upper()), rule_of(workspace, "a@example.test", second.email)
    lose(second)
    alone.refresh_from_db()
    shared.refresh_from_db()
    assert (alone.addresses, alone.to_owners) == ([], True)
    assert (shared.addresses, shared.to_owners) == (["a@example.test"], False)


@LEAVING
def test_what_waits_for_them_is_not_sent(owner, second, workspace, lose):
    waiting = queue_test(workspace, CONSOLE, second.email)
    lose(second)
    waiting.refresh_from_db()
    assert waiting.state == Notification.State.DROPPED
    assert second.email in waiting.answer


def test_what_a_worker_had_taken_before_is_not_sent_either(owner, second, workspace):
    waiting = queue_test(workspace, CONSOLE, second.email)
    Notification.objects.update(state=Notification.State.SENDING, leased_until=timezone.now())
    removed(second)
    mail.outbox.clear()
    assert "lost access" in outbox.send(waiting.pk).answer
    assert not mail.outbox
    assert Recipient.objects.get().refused_at is None


def test_sessions_end_when_somebody_else_takes_the_role(page, second):
    theirs = Client()
    second.set_password("a long enough phrase")
    second.save()
    sign_in(theirs, second, "a long enough phrase")
    assert theirs.get(MEMBERS).status_code == 200
    page.post(f"{MEMBERS}{of(second).pk}/role/", {"role": "viewer", "confirmed": "on"})
    assert theirs.get("/").status_code == 302


def test_who_steps_down_stays_signed_in(second, owner, workspace):
    mine = Client()
    second.set_password("a long enough phrase")
    second.save()
    sign_in(mine, second, "a long enough phrase")
    mine.post(f"{MEMBERS}{of(second).pk}/role/", {"role": "viewer", "confirmed": "on"})
    assert workspace.role_of(second) == Role.VIEWER
    assert mine.get("/w/example-works/").status_code == 200


def held(user, workspace):
    """Everything that somebody can hold."""
    members.invite(workspace, Actor(user), email="backdoor@example.test", role=Role.OWNER)
    recipient_of(user, workspace, summary="daily")
    rule_of(workspace, user.email)
    Redelivery.objects.create(workspace=workspace, requested_by=user)
    user.set_password("a long enough phrase")
    user.save()
    sign_in(Client(), user, "a long enough phrase")


SORTS = {"invitations", "sessions", "emails", "rules", "redeliveries"}


def test_one_event_lists_everything_that_a_removal_ended_and_the_page_said_so_before(page, second, workspace):
    held(second, workspace)
    url = f"{MEMBERS}{of(second).pk}/remove/"
    asked = html.unescape(page.get(url).text)
    before = len(recorded())
    page.post(url)
    (event,) = recorded()[before:]
    assert event.action == "member:removed"
    assert set(event.details["ended"]) == SORTS
    assert event.details["ended"]["invitations"] == ["backdoor@example.test"]
    said = event.message.split(". ")
    assert len(said) == len(SORTS)
    assert all(sentence.rstrip(".") in asked for sentence in said)


def test_the_page_that_deactivates_names_the_workspaces_and_its_event_lists_the_same(client, admin, second, workspace):
    held(second, workspace)
    client.force_login(admin)
    asked = client.get(f"/people/{second.pk}/deactivate/").text
    assert "Open invitations from this account are revoked (1): Example Works: backdoor@example.test." in asked
    client.post(f"/people/{second.pk}/deactivate/")
    (event,) = recorded("person:deactivated")
    assert set(event.details["ended"]) == SORTS
    assert event.details["ended"]["rules"] == ["Example Works: Low"]


@pytest.mark.parametrize(
    ("facts", "rule", "said"),
    [
        ({}, None, ""),
        ({"summary": "weekly", "summary_off_at": timezone.now()}, None, ""),
        ({}, {"enabled": False, "to_owners": True}, ""),
        ({"critical_off_at": timezone.now(), "warnings_off_at": timezone.now()}, {"to_owners": True}, ""),
        ({"summary": "weekly"}, None, "a summary every Monday morning"),
        ({}, {"to_owners": True}, "alerts"),
        ({"warnings_off_at": timezone.now()}, {"to_owners": True}, "alerts"),
        ({"summary": "daily"}, {"to_owners": True}, "alerts and a summary every morning"),
    ],
)
@LEAVING
def test_only_e_mails_that_would_have_gone_there_are_named(page, admin, second, workspace, lose, facts, rule, said):
    recipient_of(second, workspace, **facts)
    if rule:
        rule_of(workspace, **rule)
    asked = page.get(f"{MEMBERS}{of(second).pk}/remove/").text
    assert ("no longer sent to this address" in asked) == bool(said)
    assert said in asked
    lose(second)
    ended = recorded()[-1].details.get("ended", {}).get("emails", [])
    assert [name.removeprefix("Example Works: ") for name in ended] == ([said] if said else [])
    assert Recipient.objects.get().left_at


def test_a_demotion_that_ends_something_asks_first(page, second, workspace, backdoor):
    answer = page.post(f"{MEMBERS}{of(second).pk}/role/", {"role": "viewer"})
    assert of(second).role == Role.OWNER
    asked = page.get(answer["Location"])
    assert "backdoor@example.test" in asked.text
    assert "Make them a viewer" in asked.text
    page.post(f"{MEMBERS}{of(second).pk}/role/", {"role": "viewer", "confirmed": "on"})
    (event,) = recorded("member:role_changed")
    assert event.details["ended"] == {"invitations": ["backdoor@example.test"]}


def test_a_promotion_ends_nothing_and_asks_nothing(page, operator, workspace):
    Redelivery.objects.create(workspace=workspace, requested_by=operator)
    page.post(f"{MEMBERS}{of(operator).pk}/role/", {"role": "owner"})
    assert of(operator).role == Role.OWNER
    assert Redelivery.objects.get().state == "running"


def test_a_site_admin_who_is_taken_off_the_list_loses_nothing(admin, owner, workspace):
    Membership.objects.create(user=admin, workspace=workspace, role=Role.OWNER)
    members.invite(workspace, Actor(admin), email="guest@example.test", role=Role.VIEWER)
    removed(admin)
    assert Invitation.objects.get().is_open
    assert "ended" not in recorded("member:removed")[0].details


def test_more_names_than_fit_are_counted(page, second, workspace):
    for number in range(8):
        members.invite(workspace, Actor(second), email=f"guest-{number}@example.test", role=Role.VIEWER)
    asked = page.get(f"{MEMBERS}{of(second).pk}/remove/").text
    assert "(8): guest-0@example.test" in asked
    assert "guest-4@example.test and 3 more" in asked


def test_what_ended_stays_ended_when_the_account_is_opened_again(client, admin, second, backdoor, workspace):
    recipient_of(second, workspace, summary="daily")
    deactivated(second)
    people.reactivate(second, CONSOLE)
    assert client.get(backdoor).status_code == 410
    assert summaries.write_due(timezone.now() + timedelta(days=2)) == 0


def test_a_link_to_set_a_new_password_is_dead_while_the_account_is_closed(client, viewer):
    client.post("/accounts/password/reset/", {"email": viewer.email})
    link = link_in_mail("/accounts/password/reset/key/")
    deactivated(viewer)
    form = {"password1": "stolen phrase of words", "password2": "stolen phrase of words"}
    client.post(client.get(link, follow=True).request["PATH_INFO"], form)
    viewer.refresh_from_db()
    assert not viewer.check_password("stolen phrase of words")


def test_a_sign_in_that_was_half_done_does_not_outlive_the_account(viewer):
    with_app(viewer)
    theirs = Client()
    sign_in(theirs, viewer)
    deactivated(viewer)
    theirs.post("/accounts/2fa/authenticate/", {"code": code_of(viewer)}, follow=True)
    assert theirs.get("/").status_code == 302
    people.reactivate(viewer, CONSOLE)
    assert theirs.get("/").status_code == 302
