import uuid

from django.conf import settings
from django.db import models

from workspaces.models import Workspace


class EndpointCheck(models.Model):
    """One probe of a webhook URL: what was asked of it, step by step, and how each step ended."""

    check_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # in addresses
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="endpoint_checks")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    url = models.TextField()
    # Each: name, state (passed, failed, skipped), found (text), advice (text), took_ms.
    steps = models.JSONField(default=list)
    reason = models.CharField(max_length=30, blank=True)  # a name from webhooks.reasons; empty when all passed
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at"], name="endpoint_checks_newest")]

    def __str__(self) -> str:
        return f"check of {self.url}"
