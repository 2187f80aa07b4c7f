"""Two people, or one impatient person, at the same moment. Real threads, real transactions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from tests.accounts.conftest import link_in_mail
from workspaces.audit import CONSOLE
from workspaces.models import Invitation, Membership, Role, User
from workspaces.services import members

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*commands):
    """Run the commands in threads of their own; return what each gave or raised."""

    def run(command):
        try:
            return command()
        except members.MembershipRefused as refusal:
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
