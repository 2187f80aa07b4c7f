import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core import clock
from core.db.leases import Leased, LeasedQuerySet
from workspaces.models import Workspace


class Endpoint(models.Model):
    """One host that webhooks of a workspace went to; kept as long as its deliveries."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="endpoints", db_index=False)
    host = models.CharField(max_length=255)  # empty for deliveries without a URL
    last_attempt_at = models.DateTimeField()

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "host"], name="one_row_an_endpoint")]
        indexes = [models.Index(fields=["workspace", "-last_attempt_at"], name="endpoints_latest")]

    def __str__(self) -> str:
        return self.host


class EndpointRollup(models.Model):
    """Counts attempts at one endpoint with the same outcome in an interval, so that figures need not read each.

    Updated together with the attempts that it counts (``webhooks.ingest.endpoint_rollups``).
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    host = models.CharField(max_length=255)
    reason = models.CharField(max_length=30, blank=True)  # empty: acknowledged
    count = models.PositiveIntegerField()
    histogram = models.JSONField(default=dict)  # of response times, see ``core.histogram``

    objects = models.Manager()

    class Meta:
        abstract = True


class EndpointHour(EndpointRollup):
    """An hour's attempts."""

    hour = models.DateTimeField()

    class Meta:
        # Also the index that figures are read with: one endpoint, hour by hour.
        constraints = [
            models.UniqueConstraint(fields=["workspace", "host", "hour", "reason"], name="one_endpoint_hour")
        ]

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%Y-%m-%d %H} h: {self.host} {self.reason or 'acknowledged'}"


class EndpointDay(EndpointRollup):
    """A day's attempts, in UTC: figures of a week read 7 rows of an endpoint and reason, and not 168."""

    day = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "host", "day", "reason"], name="one_endpoint_day")]

    def __str__(self) -> str:
        return f"{self.count} on {self.day:%Y-%m-%d}: {self.host} {self.reason or 'acknowledged'}"


class EndpointCheckQuerySet(LeasedQuerySet["EndpointCheck"]):
    """Queries on endpoint checks."""

    def of(self, workspace: Workspace) -> "EndpointCheckQuerySet":
        """Keep those of ``workspace``, newest first."""
        return self.filter(workspace=workspace).order_by("-created_at", "-pk")

    def due(self, now: datetime) -> "EndpointCheckQuerySet":
        """Keep those that are unfinished and not leased, oldest first."""
        return self.free(now).filter(finished_at=None).order_by("created_at")


class EndpointCheck(Leased):
    """One probe of a webhook URL, with its steps and how each ended. If the worker dies, it is run again."""

    check_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # in URLs
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="endpoint_checks")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    url = models.TextField()
    # Each: name, state (passed, failed, skipped), found (text), advice (text), took_ms.
    steps = models.JSONField(default=list)
    reason = models.CharField(max_length=30, blank=True)  # a name from webhooks.reasons; empty when all passed
    created_at = models.DateTimeField(default=clock.cached_now)
    finished_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    objects = models.Manager.from_queryset(EndpointCheckQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="endpoint_checks_newest"),
            models.Index(fields=["created_at"], condition=Q(finished_at=None), name="endpoint_checks_open"),
        ]

    def __str__(self) -> str:
        return f"check of {self.url}"

    def get_absolute_url(self) -> str:
        """Return the page of this check."""
        return reverse("webhooks:check_result", args=[self.workspace.slug, self.check_id])


clock.register(EndpointCheck, past=("created_at", "finished_at"), leases=("leased_until",))
