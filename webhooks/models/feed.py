from datetime import datetime

from django.db import models
from django.db.models import Q

from core import clock
from workspaces.models import Workspace


class Feed(models.Model):
    """The state of upstream's list of deliveries; a workspace without a row was not read yet."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="delivery_feed")
    # Upstream answers for single workflows only, and its message.
    wants_workflow_ids = models.BooleanField(default=False)
    refusal = models.TextField(blank=True)
    # Everything up to here was read, except for the gaps.
    read_until = models.DateTimeField(null=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return f"deliveries of {self.workspace_id}"


class GapQuerySet(models.QuerySet["DeliveryGap"]):
    """Queries on gaps."""

    def of(self, workspace: Workspace, since: datetime | None = None) -> "GapQuerySet":
        """Keep those of ``workspace`` that end after ``since``, newest first."""
        found = self.filter(workspace=workspace).order_by("-before")
        return found if since is None else found.filter(before__gt=since)

    def between(self, start: datetime | None, end: datetime | None) -> "GapQuerySet":
        """Keep those that touch the time from ``start`` to ``end``; None leaves that side open."""
        touching = Q() if start is None else Q(before__gt=start)
        return self.filter(touching if end is None else touching & Q(after__lt=end))


class DeliveryGap(models.Model):
    """An interval in which attempts may be missing: more were made between two polls than upstream shows."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="delivery_gaps", db_index=False)
    after = models.DateTimeField()  # the newest attempt known before it
    before = models.DateTimeField()  # the oldest attempt seen after it
    detected_at = models.DateTimeField()

    objects = models.Manager.from_queryset(GapQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "before"], name="one_delivery_gap")]

    def __str__(self) -> str:
        return f"between {self.after:%Y-%m-%d %H:%M} and {self.before:%Y-%m-%d %H:%M}"


clock.register(Feed, past=("read_until",))
clock.register(DeliveryGap, past=("detected_at",))
