import uuid

from django.conf import settings
from django.db import models

from webhooks.models.delivery import Delivery
from webhooks.models.workflow import Workflow
from workspaces.models import Workspace


class RedeliveryState(models.TextChoices):
    """How far a redelivery is."""

    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"


class ItemState(models.TextChoices):
    """How one result of a redelivery stands. "unknown": sent, and the worker ended before it knew the answer."""

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Sending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    UNKNOWN = "unknown", "Unknown"


class RedeliveryQuerySet(models.QuerySet["Redelivery"]):
    """The questions asked of redeliveries."""

    def of(self, workspace: Workspace) -> "RedeliveryQuerySet":
        """Keep those of ``workspace``, newest first."""
        return self.filter(workspace=workspace).order_by("-created_at", "-pk")


class Redelivery(models.Model):
    """Results that a person has the console send to their endpoint once more, as one job."""

    job_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # in addresses
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="redeliveries")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=RedeliveryState, default=RedeliveryState.RUNNING)
    url = models.TextField(blank=True)  # where all go instead of their own URL; empty: each to its own
    filters = models.JSONField(default=dict, blank=True)  # the filters it was made from, as in the list's address
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(RedeliveryQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at"], name="redeliveries_newest")]

    def __str__(self) -> str:
        return f"redelivery {self.job_id}: {self.state}"


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

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["redelivery", "workflow", "url"], name="one_item_a_result"),
        ]
        indexes = [models.Index(fields=["redelivery", "state", "id"], name="items_of_redelivery")]

    def __str__(self) -> str:
        return f"{self.workflow_id} to {self.url}: {self.state}"
