import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.urls import reverse

from core import clock
from core.db.leases import Leased, LeasedQuerySet, is_free
from webhooks.models.delivery import Delivery
from webhooks.models.workflow import Workflow
from workspaces.models import Role, User, Workspace
from workspaces.models.workspace import holds_role


class RedeliveryState(models.TextChoices):
    """How far a redelivery is."""

    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Canceled"


class ItemState(models.TextChoices):
    """The state of one result of a redelivery. "unknown": sent, but the worker ended before it knew the answer."""

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Sending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    UNKNOWN = "unknown", "Unknown"


# The person who took a job over is responsible for it, or else the one who started it.
RESPONSIBLE_USER = Coalesce("taken_over_by", "requested_by")


class RedeliveryQuerySet(LeasedQuerySet["Redelivery"]):
    """Queries on redeliveries."""

    def of(self, workspace: Workspace) -> "RedeliveryQuerySet":
        """Keep those of ``workspace``, newest first."""
        return self.filter(workspace=workspace).order_by("-created_at", "-pk")

    def due(self, now: datetime) -> "RedeliveryQuerySet":
        """Keep those that run, have an item due, and are not leased."""
        waited = Q(next_run_at=None) | Q(next_run_at__lte=now)
        return self.free(now).filter(waited, state=RedeliveryState.RUNNING).order_by("pk")

    def open(self) -> "RedeliveryQuerySet":
        """Keep those that may still send something."""
        return self.filter(state__in=[RedeliveryState.RUNNING, RedeliveryState.PAUSED])

    def of_responsible_user(self, user: User) -> "RedeliveryQuerySet":
        """Keep those that ``user`` is responsible for."""
        return self.annotate(answers=RESPONSIBLE_USER).filter(answers=user.pk)

    def permitted(self) -> "RedeliveryQuerySet":
        """Keep those that may send: the responsible person is an operator of the workspace now."""
        return self.annotate(answers=RESPONSIBLE_USER).filter(holds_role("answers", Role.OPERATOR))

    def with_counts(self) -> "RedeliveryQuerySet":
        """Add the numbers of items by state, as ``count_waiting`` and so on, and ``count_all``."""
        counts = {f"count_{state}": Count("items", filter=Q(items__state=state)) for state in ItemState.values}
        return self.annotate(count_all=Count("items"), **counts)


class Redelivery(Leased):
    """A job that sends results to their endpoint once more, started by a person."""

    job_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # in URLs
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="redeliveries")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    taken_over_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=RedeliveryState, default=RedeliveryState.RUNNING)
    url = models.TextField(blank=True)  # where all go instead of their own URL; empty: each to its own
    filters = models.JSONField(default=dict, blank=True)  # the filters it was made from, as in the list's query string
    created_at = models.DateTimeField(default=clock.cached_now)
    finished_at = models.DateTimeField(null=True)
    next_run_at = models.DateTimeField(null=True)  # empty: at once
    note = models.TextField(blank=True)  # why it waits, or why it paused itself
    failed_in_a_row = models.PositiveIntegerField(default=0)  # tries, over all items, since one was delivered

    objects = models.Manager.from_queryset(RedeliveryQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="redeliveries_newest"),
            models.Index(fields=["id"], condition=Q(state="running"), name="redeliveries_running"),
        ]

    def __str__(self) -> str:
        return f"redelivery {self.job_id}: {self.state}"

    def get_absolute_url(self) -> str:
        """Return the page of this job."""
        return reverse("webhooks:redelivery", args=[self.workspace.slug, self.job_id])

    @property
    def responsible_user(self) -> User | None:
        """Return the person by whose rights it runs."""
        return self.taken_over_by or self.requested_by

    @property
    def is_permitted(self) -> bool:
        """Return whether the responsible person may still send results; queries the database."""
        return Redelivery.objects.permitted().filter(pk=self.pk).exists()

    @property
    def is_open(self) -> bool:
        """Return whether something may still be sent."""
        return self.state in {RedeliveryState.RUNNING, RedeliveryState.PAUSED}


class ItemQuerySet(models.QuerySet["Item"]):
    """Queries on items of redeliveries."""

    def open(self) -> "ItemQuerySet":
        """Keep those that may still be sent by the job that they belong to."""
        return self.filter(
            state__in=[ItemState.WAITING, ItemState.SENDING],
            redelivery__state__in=[RedeliveryState.RUNNING, RedeliveryState.PAUSED],
        )

    def abandoned_while_sending(self, now: datetime) -> "ItemQuerySet":
        """Keep those whose worker ended while it was sending: in state "sending" although the job is not leased."""
        return self.filter(is_free(now, "redelivery__"), state=ItemState.SENDING)


class Item(models.Model):
    """One workflow's result within a redelivery."""

    redelivery = models.ForeignKey(Redelivery, on_delete=models.CASCADE, related_name="items", db_index=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, related_name="redelivery_items")
    url = models.TextField()
    state = models.CharField(max_length=10, choices=ItemState, default=ItemState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    reason = models.CharField(max_length=30, blank=True)
    error = models.TextField(blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    tried_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ItemQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["redelivery", "workflow", "url"], name="one_item_a_result"),
        ]
        indexes = [
            models.Index(fields=["redelivery", "state", "id"], name="items_of_redelivery"),
            models.Index(fields=["id"], condition=Q(state="sending"), name="items_being_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} to {self.url}: {self.state}"

    @property
    def is_open(self) -> bool:
        """Return whether it is on its way, or may still be sent."""
        return self.state == ItemState.SENDING or (self.state == ItemState.WAITING and self.redelivery.is_open)


clock.register(Redelivery, past=("created_at", "finished_at"), due=("next_run_at",), leases=("leased_until",))
clock.register(Item, past=("tried_at",), due=("next_try_at",))
