from datetime import datetime

from django.db import models
from django.db.models import Q

from keys.models.key import ApiKey
from workspaces import clock
from workspaces.models import Workspace


class LogGapQuerySet(models.QuerySet["LogGap"]):
    """The questions asked of gaps."""

    def of(self, key: ApiKey) -> "LogGapQuerySet":
        """Keep the gaps in the log of ``key``, oldest first."""
        return self.filter(key=key).order_by("before")

    def in_workspace(self, workspace: Workspace) -> "LogGapQuerySet":
        """Keep the gaps of all keys of ``workspace``, oldest first."""
        return self.filter(key__workspace=workspace).order_by("before")

    def between(self, start: datetime | None, end: datetime | None) -> "LogGapQuerySet":
        """Keep the gaps that touch the time from ``start`` to ``end``; None leaves that side open."""
        touching = Q() if start is None else Q(before__gt=start)
        return self.filter(touching if end is None else touching & Q(after__lt=end))


class LogGap(models.Model):
    """A stretch of a key's log that upstream no longer showed when it was read.

    It lies between two rows that were captured, at ``after`` and at ``before``. ``size`` is what upstream's
    request_count says is missing; None until a key list that is newer than the gap has been read, and for good where
    the counter restarted meanwhile.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="gaps")
    after = models.DateTimeField()
    before = models.DateTimeField()
    size = models.PositiveBigIntegerField(null=True)
    detected_at = models.DateTimeField()

    objects = models.Manager.from_queryset(LogGapQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["key", "before"], name="gap_of_key")]

    def __str__(self) -> str:
        return f"{'unknown' if self.size is None else self.size} requests before {self.before}"


clock.watch(LogGap, past=("detected_at",))
