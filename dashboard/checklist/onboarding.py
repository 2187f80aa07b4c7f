"""What a workspace of a real organization needs before it can be relied on, and what of that is missing."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse

from alerts.mail import smtp
from alerts.models import Notification, Rule
from alerts.models.notification import STORED
from dashboard.checklist.step import Step
from workspaces.models import Invitation, Role, Workspace


@dataclass(frozen=True)
class _Facts:
    member_count: int
    invited: bool
    sent: bool
    notifies: bool


def steps(workspace: Workspace) -> list[Step]:
    """Return the steps, in order. One query."""
    facts = _facts(workspace)
    settings_url = reverse("workspaces:settings", args=[workspace.slug])
    return [
        Step(
            "api-key",
            "Connect your organization",
            "With an API key the console shows the balance and watches it.",
            workspace.has_api_key,
            settings_url,
            "Open settings",
            Role.OWNER,
        ),
        Step(
            "session",
            "Add a management session",
            _why_session(workspace),
            workspace.has_session,
            settings_url,
            "Open settings",
            Role.OWNER,
        ),
        _mail(workspace, facts),
        Step(
            "colleague",
            "Invite a colleague",
            "With only one member, no one else can act on an alert or revoke a leaked key.",
            facts.member_count > 1 or facts.invited,
            reverse("workspaces:members", args=[workspace.slug]),
            "Open members",
            Role.OWNER,
        ),
        Step(
            "alerts",
            "Turn on an alert",
            "No active rule notifies anyone, so a falling balance would go unnoticed.",
            facts.notifies,
            reverse("alerts:list", args=[workspace.slug]),
            "Open alerts",
            Role.OWNER,
        ),
    ]


def _why_session(workspace: Workspace) -> str:
    why = "Cleanlist lists and creates keys, and shows their requests, only to a signed-in person's session."
    if workspace.management_session is None:
        return why
    return f"The stored session has expired or was rejected. {why}"


def _mail(workspace: Workspace, facts: _Facts) -> Step:
    """Return the step about email: it is done once a mail server has accepted one from this workspace."""
    has_server = smtp.has_server()
    missing = "No mail server is set, so the console stores emails in files. Set EMAIL_URL and restart the console."
    return Step(
        "email",
        "Set up email",
        "An alert helps only if its email arrives. Send a test." if has_server else missing,
        has_server and facts.sent,
        reverse("alerts:emails", args=[workspace.slug]),
        "Open emails",
        Role.OPERATOR,
    )


def _facts(workspace: Workspace) -> _Facts:
    here = {"workspace": OuterRef("pk")}
    sent = Notification.objects.filter(**here, state=Notification.State.SENT).exclude(answer__startswith=STORED)
    recipients = Q(to_owners=True) | ~Q(addresses=[])
    row = (
        Workspace.objects.filter(pk=workspace.pk)
        .annotate(
            member_count=Count("memberships"),
            invited=Exists(Invitation.objects.open().filter(**here)),
            sent=Exists(sent),
            notifies=Exists(Rule.objects.enabled().filter(recipients, **here)),
        )
        .values("member_count", "invited", "sent", "notifies")
        .get()
    )
    return _Facts(**row)
