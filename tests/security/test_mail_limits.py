"""The buttons that have the console write to any address cannot be used to flood one."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from alerts.models import Notification
from alerts.services.recipients import queue_test
from workspaces import mail_limits
from workspaces.audit.events import Actor, record_event
from workspaces.mail_limits import LIMITS, MailLimit, TooManyEmails
from workspaces.models import AccountMail, Action, AuditEvent, Invitation, Role, Workspace
from workspaces.services.members import invite

from .sign_in import sign_in

pytestmark = pytest.mark.django_db
TEST, INVITATION = Action.ALERT_TEST_SENT, Action.INVITATION_SENT


@pytest.fixture
def at(workspace):
    return f"/w/{workspace.slug}/"


@pytest.fixture
def limits(monkeypatch):
    """Three a person and five a workspace."""
    monkeypatch.setattr(mail_limits, "LIMITS", {action: MailLimit(3, 5, LIMITS[action].words) for action in LIMITS})


def sent_before(action, workspace, person, number, minutes_ago=1):
    for _ in range(number):
        event = record_event(action, Actor(person), workspace=workspace)
    moment = timezone.now() - timedelta(minutes=minutes_ago)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workspaces_auditevent SET at = %s WHERE id > %s", [moment, event.pk - number])


def send_test(client, at, address="anybody@outside.example"):
    return client.post(f"{at}alerts/emails/test/", {"address": address})


def test_tests_by_one_person_end_with_a_time_to_come_back(client, operator, workspace, at, limits):
    sign_in(client, operator)
    sent_before(TEST, workspace, operator, 2)
    assert send_test(client, at).status_code == 302
    refused = send_test(client, at, "another@outside.example")
    assert refused.status_code == 429
    said = refused.content.decode()
    assert re.search(r"You have sent 3 test emails within an hour. You can send the next one at \d\d:\d\d:\d\d\.", said)
    assert 'value="another@outside.example"' in said
    assert Notification.objects.count() == AuditEvent.objects.filter(action=TEST).count() - 2 == 1


def test_the_hour_of_a_person_goes_over_all_their_workspaces(operator, workspace, limits):
    elsewhere = Workspace.objects.create(name="Other", slug="other", base_url=workspace.base_url)
    sent_before(TEST, elsewhere, operator, 3)
    with pytest.raises(TooManyEmails, match=r"^You have sent 3 test emails"):
        queue_test(workspace, Actor(operator), "anybody@outside.example")


def test_a_workspace_has_a_limit_over_all_its_people(client, operator, owner, workspace, at, limits):
    sent_before(TEST, workspace, owner, 5)
    sign_in(client, operator)
    assert "5 test emails were sent from this workspace" in send_test(client, at).content.decode()
    assert not Notification.objects.exists()


def test_what_was_sent_an_hour_ago_no_longer_counts(client, operator, workspace, at, limits):
    sent_before(TEST, workspace, operator, 3, minutes_ago=61)
    sign_in(client, operator)
    assert send_test(client, at).status_code == 302


def test_invitations_have_a_limit_too(client, owner, workspace, at, limits):
    sent_before(INVITATION, workspace, owner, 3)
    sign_in(client, owner)
    refused = client.post(f"{at}members/invite/", {"email": "guest@outside.example", "role": "viewer"})
    assert refused.status_code == 422
    assert "You have sent 3 invitations within an hour" in refused.content.decode()
    assert not Invitation.objects.exists()
    assert not AccountMail.objects.exists()


def test_sending_an_invitation_again_counts_as_one_more(client, owner, workspace, at, limits):
    sign_in(client, owner)
    client.post(f"{at}members/invite/", {"email": "guest@outside.example", "role": "viewer"})
    again = f"{at}invitations/{Invitation.objects.get().pk}/resend/"
    for _ in range(4):
        answer = client.post(again, follow=True)
    assert "You have sent 3 invitations within an hour" in answer.content.decode()
    assert AuditEvent.objects.filter(action="invitation:sent").count() == 3


def test_the_command_line_has_no_limit_and_a_file_may_invite_everybody(owner, workspace, limits):
    for number in range(6):
        invite(workspace, Actor.of_command("apply"), email=f"{number}@outside.example", role=Role.VIEWER)
    with pytest.raises(TooManyEmails, match="5 invitations were sent from this workspace"):
        invite(workspace, Actor(owner), email="guest@outside.example", role=Role.VIEWER)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_as_few_as_one_after_another(operator, workspace, limits):
    def send(number):
        try:
            queue_test(workspace, Actor(operator), f"{number}@outside.example")
        except TooManyEmails:
            return 0
        else:
            return 1
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(send, range(16))) == 3


def test_the_limits_are_for_real_people_not_for_the_tests():
    for limit in LIMITS.values():
        assert 5 <= limit.by_person < limit.by_workspace <= 100
