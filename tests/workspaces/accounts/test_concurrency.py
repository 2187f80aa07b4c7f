"""Two people, or one impatient person, at the same moment. Real threads, real transactions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.webhooks.attempts import run
from tests.webhooks.redelivery.redeliveries import start_redelivery
from tests.workspaces.accounts.conftest import link_in_mail
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Redelivery
from workspaces.audit.events import CONSOLE, Actor
from workspaces.models import Invitation, Membership, Role, User
from workspaces.services import members, people

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*commands):
    """Run the commands in threads of their own; return what each gave or raised."""

    def run(command):
        try:
            return command()
        except (members.MembershipRefused, PermissionDenied) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(run, commands))


def test_two_owners_who_demote_each_other_leave_one(workspace, owner, operator):
    Membership.objects.update(role=Role.OWNER)
    both = list(Membership.objects.select_related("workspace", "user"))
    results = at_once(*(lambda each=each: members.change_role(each, Role.VIEWER, CONSOLE) for each in both))
    assert Membership.objects.filter(role=Role.OWNER).count() == 1
    assert sum(isinstance(result, members.MembershipRefused) for result in results) == 1


def test_an_invitation_accepted_twice_at_once_opens_one_account(workspace, owner):
    members.invite(workspace, members.Actor(owner), email="new@example.test", role=Role.VIEWER)
    link = link_in_mail("/invitations/")
    form = {"way": "password", "password": "a long enough phrase", "password_again": "a long enough phrase"}
    answers = at_once(*[lambda: Client().post(link, form).status_code] * 3)
    assert 302 in answers
    assert set(answers) <= {302, 410, 200}
    assert User.objects.filter(email="new@example.test").count() == 1
    assert Invitation.objects.get().accepted_at


def an_owner(workspace, number):
    user = User.objects.create_user(f"owner-{number}@example.test")
    Membership.objects.create(user=user, workspace=workspace, role=Role.OWNER)
    return user


LOSSES = {
    "removed": lambda user: members.remove_member(Membership.objects.get(user=user), CONSOLE),
    "demoted": lambda user: members.change_role(Membership.objects.get(user=user), Role.VIEWER, CONSOLE),
    "deactivated": lambda user: people.deactivate(user, CONSOLE),
}
ROUNDS = range(5)  # whichever of the two comes first


@pytest.mark.parametrize("loss", LOSSES)
def test_who_invites_while_losing_the_role_leaves_no_open_invitation(workspace, owner, loss):
    for number in ROUNDS:
        losing = an_owner(workspace, number)
        at_once(
            lambda who=losing: members.invite(workspace, Actor(who), email="guest@example.test", role=Role.OWNER),
            lambda who=losing: LOSSES[loss](who),
        )
        assert workspace.role_of(User.objects.get(pk=losing.pk)) != Role.OWNER
        assert not Invitation.objects.pending().exists()


@pytest.mark.parametrize("loss", LOSSES)
def test_who_begins_a_redelivery_while_losing_the_role_leaves_none_that_runs(workspace, owner, loss):
    for number in ROUNDS:
        losing, start = an_owner(workspace, number), timezone.now() - timedelta(hours=1)
        rows = run(f"public_bulk_{number}", start=start, url=f"https://hooks-{number}.example.com/in")
        ingest_page(workspace, rows, timezone.now())
        query = f"host=hooks-{number}.example.com"
        at_once(
            lambda who=losing, query=query: start_redelivery(workspace, query, actor=Actor(who)),
            lambda who=losing: LOSSES[loss](who),
        )
        assert set(Redelivery.objects.values_list("state", flat=True)) <= {"paused"}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_invitation_is_accepted_before_its_sender_loses_the_role_or_not_at_all(workspace, owner, loss):
    for number in ROUNDS:
        losing, guest = an_owner(workspace, number), User.objects.create_user(f"guest-{number}@example.test")
        invitation = members.invite(workspace, Actor(losing), email=guest.email, role=Role.OWNER)
        answers = at_once(
            lambda one=invitation, who=guest: members.accept_invitation(one, who, Actor(who)),
            lambda who=losing: LOSSES[loss](who),
        )
        invitation.refresh_from_db()
        was_accepted = answers[0] is None
        assert (workspace.role_of(guest) == Role.OWNER) == was_accepted
        assert (bool(invitation.accepted_at), bool(invitation.revoked_at)) == (was_accepted, not was_accepted)


def test_two_site_admins_who_deactivate_each_other_leave_one(db):
    for number in ROUNDS:
        both = [User.objects.create_superuser(f"{name}-{number}@example.test") for name in ("one", "two")]
        at_once(*(lambda a=a, b=b: people.deactivate(a, Actor(b)) for a, b in (both, both[::-1])))
        assert sum(User.objects.get(pk=admin.pk).is_active for admin in both) == 1


def test_an_invitation_sent_again_while_it_is_accepted_is_used_once(workspace, owner):
    for number in ROUNDS:
        guest = User.objects.create_user(f"guest-{number}@example.test")
        invitation = members.invite(workspace, Actor(owner), email=guest.email, role=Role.VIEWER)
        at_once(
            lambda one=invitation, who=guest: members.accept_invitation(one, who, Actor(who)),
            lambda who=guest: members.invite(workspace, Actor(owner), email=who.email, role=Role.OWNER),
            lambda one=invitation: members.resend_invitation(one, Actor(owner)),
        )
        assert workspace.role_of(guest) == Role.VIEWER
        assert not Invitation.objects.pending().exists()
