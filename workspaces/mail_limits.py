"""Limits on the emails that people can make the console send to arbitrary email addresses.

The command line has no limit: its users could write to the database anyway, and a file may list hundreds of people.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models
from django.utils import timezone

from core import clock
from workspaces.audit.events import Actor
from workspaces.models import Action, AuditEvent, User, Workspace

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class MailLimit:
    """The most emails within any hour: by one person in all workspaces, and by all people in one workspace."""

    by_person: int
    by_workspace: int
    words: str


LIMITS = {
    Action.ALERT_TEST_SENT: MailLimit(10, 20, "test emails"),
    Action.INVITATION_SENT: MailLimit(50, 100, "invitations"),
}


class TooManyEmails(Exception):
    """A limit is reached; the message says which one, and when the next email can be sent."""


def check_mail_limit(action: Action, actor: Actor, workspace: Workspace) -> None:
    """Raise TooManyEmails if one more email of this kind would be too many. Emails are counted by audit events.

    Call it in the transaction that records ``action``. It locks the workspace and the person, so that concurrent
    requests cannot exceed the limit together.
    """
    if actor.user is None:
        return
    limit = LIMITS[action]
    sent = AuditEvent.objects.filter(action=action, at__gt=clock.cached_now() - HOUR)
    Workspace.objects.lock(workspace.pk)
    User.objects.select_for_update(no_key=True).get(pk=actor.user.pk)
    _mind(sent.filter(actor=actor.user), limit.by_person, f"You have sent {limit.by_person} {limit.words}")
    of_all = f"{limit.by_workspace} {limit.words} were sent from this workspace"
    _mind(sent.filter(workspace=workspace), limit.by_workspace, of_all)


def _mind(sent: models.QuerySet[AuditEvent], most: int, what: str) -> None:
    latest = list(sent.order_by("-at").values_list("at", flat=True)[:most])
    if len(latest) == most:
        free_at = timezone.localtime(latest[-1] + HOUR)
        raise TooManyEmails(f"{what} within an hour. You can send the next one at {free_at:%H:%M:%S}.")
