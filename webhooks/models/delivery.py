from datetime import datetime
from typing import Self
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from core import clock
from core.pagination import Cursor, PagedRow, TimeOrderedQuerySet
from webhooks.models.workflow import Workflow
from webhooks.reasons import Reason, reason_named
from workspaces.models import Workspace

# Upstream makes so many attempts, with waits in between (``webhooks.ingest.delivery_status``).
MAX_ATTEMPTS = 5
# Up to so many workflows are filtered by their ids; with more, the newest deliveries are searched for the prefix.
MAX_WORKFLOWS = 500


class DeliveryState(models.TextChoices):
    """The state of a delivery."""

    DELIVERED = "delivered", "Delivered"
    RETRYING = "retrying", "Retrying"
    FAILED = "failed", "Failed"


class DeliveryQuerySet(TimeOrderedQuerySet["Delivery"]):
    """Queries on deliveries, ordered by their latest attempt."""

    time_field = "last_attempt_at"

    def of(self, workspace: Workspace) -> Self:
        """Keep those of ``workspace``."""
        return self.filter(workspace=workspace)

    def of_workflows(self, workspace: Workspace, prefix: str) -> Self:
        """Keep those of workflows whose id has this prefix. Executes one query: it may match one workflow or all."""
        ids = Workflow.objects.of(workspace).filter(workflow_id__startswith=prefix)
        found = list(ids.order_by().values_list("pk", flat=True)[: MAX_WORKFLOWS + 1])
        if len(found) <= MAX_WORKFLOWS:
            return self.filter(workflow__in=found)
        return self.filter(workflow__workflow_id__startswith=prefix)


class Delivery(PagedRow, models.Model):
    """The attempts to bring one workflow's result to one URL, as upstream made them.

    State, reason and the ``last_*`` fields are the latest attempt's, kept here so that the list reads one table.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="deliveries")
    url = models.TextField(blank=True)  # empty where upstream does not say
    host = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=10, choices=DeliveryState)
    reason = models.CharField(max_length=30, blank=True)  # a name from webhooks.reasons; empty when delivered
    attempts = models.PositiveIntegerField(default=0)
    # More than one when the whole delivery was made again: an attempt with number 1 after the first.
    runs = models.PositiveIntegerField(default=1)
    first_attempt_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField()
    last_status_code = models.PositiveSmallIntegerField(null=True)
    last_error = models.TextField(blank=True)
    last_duration_ms = models.PositiveIntegerField(null=True)
    # When upstream tries next: as it says, or computed from its documented waits (``next_is_estimate``).
    next_attempt_at = models.DateTimeField(null=True)
    next_is_estimate = models.BooleanField(default=False)
    # When the receiver first acknowledged it: to upstream, or to the console that redelivered it.
    delivered_at = models.DateTimeField(null=True)
    redelivered_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(DeliveryQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "workflow", "url"], name="one_delivery_a_url")]
        indexes = [
            models.Index(fields=["workspace", "-last_attempt_at", "-id"], name="deliveries_newest"),
            models.Index(fields=["workspace", "state", "-last_attempt_at", "-id"], name="deliveries_by_state"),
            models.Index(fields=["workspace", "host", "-last_attempt_at", "-id"], name="deliveries_by_host"),
            models.Index(fields=["workspace", "reason", "-last_attempt_at", "-id"], name="deliveries_by_reason"),
            # For how many failed or arrived in a row at an endpoint, and for what failed at all.
            models.Index(fields=["workspace", "host", "state", "-last_attempt_at"], name="deliveries_in_a_row"),
            models.Index(
                fields=["workspace", "-last_attempt_at"],
                include=["host", "reason", "state"],
                condition=~Q(state="delivered"),
                name="deliveries_failing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} to {self.host}: {self.state}"

    @property
    def cursor(self) -> Cursor:
        """Return the cursor of this delivery in the list."""
        return Cursor(self.last_attempt_at, self.pk)

    @property
    def path(self) -> str:
        """Return the path of the URL. What follows it is left out: receivers keep tokens there."""
        try:
            return urlsplit(self.url).path
        except ValueError:
            return ""

    @property
    def why(self) -> Reason | None:
        """Return why it has not arrived; None for a delivery that has, and while the first attempt runs."""
        return reason_named(self.reason)

    @property
    def max_attempts(self) -> int:
        """Return how many attempts upstream makes for the times that this was delivered."""
        return MAX_ATTEMPTS * self.runs


class Attempt(models.Model):
    """One POST that upstream made, and how it ended; kept after upstream forgets it."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_rows", db_index=False)
    # The delivery's, kept here too, for figures by time.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    # Upstream's id of the attempt; where it has none, one made of workflow, URL, number and time.
    upstream_id = models.CharField(max_length=200)
    run = models.PositiveIntegerField(default=1)
    number = models.PositiveIntegerField()  # 0 where upstream does not say
    status = models.CharField(max_length=60, blank=True)  # upstream's own word
    acknowledged = models.BooleanField()
    reason = models.CharField(max_length=30, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    at = models.DateTimeField()
    # Upstream gave no time: ``at`` is when the console first saw the attempt.
    at_is_estimate = models.BooleanField(default=False)
    next_at = models.DateTimeField(null=True)  # when the next one follows, where upstream says

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "upstream_id"], name="one_row_an_attempt")]
        indexes = [
            models.Index(fields=["delivery", "at", "id"], name="attempts_of_delivery"),
            models.Index(fields=["workspace", "-at", "-id"], name="attempts_by_time"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status_code or self.error}"

    @property
    def why(self) -> Reason | None:
        """Return why it was not accepted; None for one that was, and for one that still runs."""
        return reason_named(self.reason)


clock.register(Delivery, past=("redelivered_at",))


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

    @property
    def known(self) -> tuple[object, ...]:
        """Return what polls change."""
        return self.wants_workflow_ids, self.refusal, self.read_until


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
