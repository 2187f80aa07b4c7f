"""A redelivery goes on by somebody's right, and stops with it: the real worker's code, real sandbox and receivers."""

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from tests.webhooks.receivers import answering, receiver, remembering
from tests.webhooks.redelivery.redeliveries import (
    ENRICHMENT_COUNT,
    count_states,
    ingest_failures,
    start_redelivery,
    work_until_done,
)
from webhooks.checks import services as checking
from webhooks.models import EndpointCheck, Item, Redelivery, Workflow
from webhooks.redelivery import engine, item_sender
from webhooks.redelivery import services as redelivering
from workspaces import services
from workspaces.audit.events import CONSOLE, Actor
from workspaces.models import AuditEvent, Membership, Role, User
from workspaces.services import members, people

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_the_middle(connected, finished, quick, monkeypatch):
    """Do something when the first result is on its way; return the job, and what receivers got."""

    def run(actor, act):
        def post(*sent):
            if not seen:
                act()
            return real(*sent)

        seen, real = [], item_sender.post
        monkeypatch.setattr(item_sender, "post", post)
        with receiver(remembering(seen)) as url:
            ingest_failures(connected, finished, url)
            job = start_redelivery(connected, actor=actor)
            engine.run_due()
            engine.run_due()
        return Redelivery.objects.filter(pk=job.pk).first(), seen

    return run


def of(user):
    return Membership.objects.get(user=user)


LOSSES = {
    "removed": lambda user: members.remove_member(of(user), CONSOLE),
    "demoted": lambda user: members.change_role(of(user), Role.VIEWER, CONSOLE),
    "deactivated": lambda user: people.deactivate(user, CONSOLE),
    "demoted past every service": lambda user: Membership.objects.filter(user=user).update(role=Role.VIEWER),
    "deactivated past every service": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "deleted": lambda user: user.delete(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_goes_out_after_who_began_it_has_lost_the_role(in_the_middle, operator, loss):
    job, seen = in_the_middle(Actor(operator), lambda: LOSSES[loss](operator))
    assert len(seen) == 1
    assert (job.state, count_states(job)) == ("paused", {"delivered": 1, "waiting": ENRICHMENT_COUNT - 1})
    assert "An owner can take over and resume." in job.note


def test_a_site_admin_who_is_one_no_more_sends_nothing_more(in_the_middle, stranger):
    User.objects.filter(pk=stranger.pk).update(is_superuser=True)
    job, seen = in_the_middle(Actor(stranger), lambda: User.objects.update(is_superuser=False))
    assert len(seen) == 1
    assert job.state == "paused"
    assert AuditEvent.objects.filter(action="redelivery:paused").get().message == job.note


def test_nothing_goes_out_after_the_workspace_is_removed(in_the_middle, connected, operator):
    job, seen = in_the_middle(Actor(operator), lambda: services.remove_workspace(connected, CONSOLE))
    assert len(seen) == 1
    assert job is None
    assert not Item.objects.exists()


def test_who_still_operates_goes_on_after_a_demotion_from_owner(in_the_middle, owner, connected):
    job, seen = in_the_middle(Actor(owner), lambda: Membership.objects.update(role=Role.OPERATOR))
    assert len(seen) == ENRICHMENT_COUNT
    assert job.state == "finished"


def test_an_owner_takes_over_under_their_own_name(connected, finished, quick, owner, operator):
    with receiver(answering(200)) as url:
        ingest_failures(connected, finished, url)
        job = start_redelivery(connected, actor=Actor(operator))
        members.remove_member(of(operator), CONSOLE)
        assert redelivering.resume(job, Actor(owner))
        work_until_done(job)
    assert (job.state, job.requested_by, job.taken_over_by) == ("finished", operator, owner)
    event = AuditEvent.objects.get(action="redelivery:resumed")
    assert (event.actor, event.details) == (owner, {"taken_over_from": operator.email})


def waiting_item(job):
    facts = {"workflow_id": "public_bulk_1", "first_seen_at": timezone.now()}
    workflow = Workflow.objects.create(workspace=job.workspace, **facts)
    Item.objects.create(redelivery=job, workflow=workflow, url="https://hooks.example.com/in")


@pytest.fixture
def paused(workspace, operator):
    """A job that an operator began before they left."""
    job = Redelivery.objects.create(workspace=workspace, requested_by=operator)
    waiting_item(job)
    members.remove_member(of(operator), CONSOLE)
    job.refresh_from_db()
    return job


@pytest.fixture
def other_operator(workspace):
    user = User.objects.create_user("other@example.test")
    Membership.objects.create(user=user, workspace=workspace, role=Role.OPERATOR)
    return user


def test_another_operator_can_neither_resume_it_nor_is_offered_to(client, paused, other_operator):
    client.force_login(other_operator)
    page = client.get(paused.get_absolute_url()).text
    assert "is no longer a member of Example Works. An owner can take over" in page
    assert "esume</button>" not in page
    assert client.post(f"{paused.get_absolute_url()}resume/").status_code == 403
    paused.refresh_from_db()
    assert (paused.state, paused.taken_over_by) == ("paused", None)


def test_an_owner_is_offered_to_take_it_over(client, paused, owner):
    client.force_login(owner)
    assert "Take over and resume" in client.get(paused.get_absolute_url()).text
    client.post(f"{paused.get_absolute_url()}resume/")
    assert f"taken over by {owner}" in client.get(paused.get_absolute_url()).text
    paused.refresh_from_db()
    assert paused.state == "running"


def test_who_resumes_anothers_job_answers_for_it(workspace, operator, other_operator):
    job = Redelivery.objects.create(workspace=workspace, requested_by=operator, state="paused")
    waiting_item(job)
    assert redelivering.resume(job, Actor(other_operator))
    members.remove_member(of(operator), CONSOLE)
    job.refresh_from_db()
    assert job.state == "running"
    members.remove_member(of(other_operator), CONSOLE)
    job.refresh_from_db()
    assert job.state == "paused"


def test_a_job_that_is_over_is_not_paused(workspace, operator):
    job = Redelivery.objects.create(workspace=workspace, requested_by=operator, state="finished")
    members.remove_member(of(operator), CONSOLE)
    job.refresh_from_db()
    assert (job.state, job.note) == ("finished", "")


@pytest.mark.parametrize("command", ["start", "check", "resume"])
def test_a_command_that_arrives_after_the_removal_does_nothing(workspace, operator, paused, command):
    late = Actor(operator)
    commands = {
        "start": lambda: start_redelivery(workspace, actor=late),
        "check": lambda: checking.start_check(workspace, late, "https://93.184.215.14/"),
        "resume": lambda: redelivering.resume(paused, late),
    }
    with pytest.raises(PermissionDenied):
        commands[command]()
    assert Redelivery.objects.count() == 1
    assert not EndpointCheck.objects.exists()


def test_a_check_of_an_endpoint_that_waits_is_not_made_for_who_has_left(workspace, operator, local_targets):
    seen = []
    with receiver(remembering(seen)) as url:
        check = checking.start_check(workspace, Actor(operator), url)
        members.remove_member(of(operator), CONSOLE)
        checking.run_due()
    check.refresh_from_db()
    assert not seen
    assert "no longer has permission" in check.steps[0]["found"]


def test_an_operator_who_is_made_a_viewer_has_their_job_paused_at_once_and_the_event_says_so(workspace, operator):
    job = Redelivery.objects.create(workspace=workspace, requested_by=operator)
    members.change_role(of(operator), Role.VIEWER, CONSOLE)
    job.refresh_from_db()
    assert (job.state, "only viewer of Example Works" in job.note) == ("paused", True)
    assert list(AuditEvent.objects.get(action="member:role_changed").details["ended"]) == ["redeliveries"]
