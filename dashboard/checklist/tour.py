"""The tour through a workspace that is connected to the sandbox: a failed webhook, a key, an alert, an error."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.http import urlencode

from alerts.models import Alert, Notification
from core.formatting import format_time
from dashboard.checklist.step import Step
from usage.thresholds import BALANCE_BELOW
from webhooks.models import Delivery, DeliveryState, Item, ItemState
from workspaces.models import Action, AuditEvent, Milestone, Outcome, Role, User, Workspace

# As Cleanlist answers a request without a valid key; the troubleshooter recognizes it.
SAMPLE_401 = "HTTP/1.1 401 Unauthorized"
OPEN = {ItemState.WAITING, ItemState.SENDING}


@dataclass(frozen=True)
class _Facts:
    """What the data says about the tour of one person."""

    failed: Delivery | None
    last_try: str | None  # the state of what the person redelivered last
    next_try_at: datetime | None
    redelivery: UUID | None
    redelivered: bool
    key_created: bool
    alerted: bool
    email: int | None


def steps(workspace: Workspace, user: User, reached: Collection[str]) -> list[Step]:
    """Return the steps, in order; ``reached`` are the person's milestones. Three queries."""
    facts = _facts(workspace, user)
    return [
        *_webhook_steps(workspace, facts, viewed=Milestone.Name.FAILURE_VIEWED in reached),
        Step(
            "key",
            "Create a key",
            "The console shows its secret once.",
            facts.key_created,
            _url("keys:new", workspace),
            "Create key",
            Role.OPERATOR,
        ),
        *_alert_steps(workspace, facts, viewed=Milestone.Name.EMAIL_VIEWED in reached),
        Step(
            "error",
            "Find the cause of a 401",
            "Paste this under Troubleshoot:",
            Milestone.Name.ERROR_PASTED in reached,
            _url("troubleshoot", workspace),
            "Troubleshoot",
            sample=SAMPLE_401,
        ),
    ]


def _webhook_steps(workspace: Workspace, facts: _Facts, *, viewed: bool) -> list[Step]:
    page = form = job = ""
    if facts.redelivery and not facts.redelivered and facts.last_try in OPEN:
        job = reverse("webhooks:redelivery", args=[workspace.slug, facts.redelivery])
    if facts.failed:
        workflow_id = facts.failed.workflow.workflow_id
        page = reverse("webhooks:workflow", args=[workspace.slug, workflow_id])
        form = f"{_url('webhooks:redeliver', workspace)}?{urlencode({'workflow': workflow_id})}"
    cause = "Every attempt of a failed delivery, and its cause."
    return [
        Step(
            "webhook",
            "See why a webhook failed",
            cause if page else "No delivery has failed yet. The sandbox makes one fail soon.",
            viewed,
            page,
            "View delivery",
        ),
        Step(
            "redelivery",
            "Redeliver its result",
            _how_far(facts),
            facts.redelivered,
            job or form,
            "View redelivery" if job else "Redeliver",
            Role.OPERATOR,
        ),
    ]


def _how_far(facts: _Facts) -> str:
    if facts.last_try == ItemState.WAITING and facts.next_try_at:
        return f"Not accepted yet. The next try is at {format_time(facts.next_try_at, seconds=True)}."
    if facts.last_try in OPEN:
        return "On its way."
    sent = "The console fetches the result and sends it to the webhook's URL."
    return f"The last one was not accepted. {sent}" if facts.last_try and not facts.redelivered else sent


def _alert_steps(workspace: Workspace, facts: _Facts, *, viewed: bool) -> list[Step]:
    email = reverse("alerts:email", args=[workspace.slug, facts.email]) if facts.email else ""
    return [
        Step(
            "credits",
            "Let the credits run out",
            "The sandbox sets its balance to 0, and an alert fires within seconds. Nothing is charged.",
            facts.alerted,
            _url("sandbox_credits", workspace),
            "Set balance to 0",
            Role.OPERATOR,
            posts=(("to", "none"),),
        ),
        Step(
            "email",
            "Read the alert's email",
            "As its recipients get it." if email else "The console writes it seconds after the alert fires.",
            viewed,
            email,
            "View email",
        ),
    ]


def _facts(workspace: Workspace, user: User) -> _Facts:
    here = {"workspace": OuterRef("pk")}
    mine = Item.objects.filter(redelivery__workspace=OuterRef("pk"), redelivery__requested_by=user).order_by("-pk")
    seen = AuditEvent.objects.filter(**here, actor=user, action=Action.KEY_SECRET_SEEN, outcome=Outcome.SUCCEEDED)
    fired = Alert.objects.filter(**here, kind=BALANCE_BELOW, fired_at__isnull=False, is_demo=False)
    row = (
        Workspace.objects.filter(pk=workspace.pk)
        .annotate(
            redelivered=Exists(mine.filter(state=ItemState.DELIVERED)),
            last_try=Subquery(mine.values("state")[:1]),
            next_try_at=Subquery(mine.values("next_try_at")[:1]),
            redelivery=Subquery(mine.values("redelivery__job_id")[:1]),
            key_created=Exists(seen),
            alerted=Exists(fired),
        )
        .values("redelivered", "last_try", "next_try_at", "redelivery", "key_created", "alerted")
        .get()
    )
    # One that nobody has redelivered yet, if there is one: what is on its way cannot be sent again. Of these one whose
    # receiver accepts again.
    taken = Exists(Item.objects.filter(workflow=OuterRef("workflow")))
    recovered = Q(url__startswith="http://127.0.0.1:", url__endswith="/recovered")
    failed = (
        Delivery.objects.of(workspace)
        .filter(state=DeliveryState.FAILED)
        .select_related("workflow")
        .annotate(recovered=ExpressionWrapper(recovered, output_field=BooleanField()))
        .order_by(taken.asc(), "-recovered", "-last_attempt_at", "-pk")
    )
    emails = Notification.objects.filter(
        workspace=workspace, kind=Notification.Kind.FIRING, alert__kind=BALANCE_BELOW
    ).order_by("-pk")
    return _Facts(
        failed=failed.first(),
        email=emails.values_list("pk", flat=True).first(),
        **row,
    )


def _url(name: str, workspace: Workspace) -> str:
    return reverse(name, args=[workspace.slug])
