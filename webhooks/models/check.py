import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core import clock
from core.db.leases import Leased, LeasedQuerySet
from workspaces.models import Workspace


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
