from datetime import datetime

from django.db import models
from django.db.models import Q

from core import clock
from core.formatting import counted
from keys.models.key import ApiKey
from workspaces.models import Workspace


class LogGapQuerySet(models.QuerySet["LogGap"]):
    """Queries on gaps."""

    def of(self, key: ApiKey) -> "LogGapQuerySet":
        """Return the gaps in the log of ``key``, oldest first."""
        return self.filter(key=key).order_by("before")

    def in_workspace(self, workspace: Workspace) -> "LogGapQuerySet":
        """Return the gaps of all keys of ``workspace``, oldest first."""
        return self.filter(key__workspace=workspace).order_by("before")

    def between(self, start: datetime | None, end: datetime | None) -> "LogGapQuerySet":
        """Return the gaps that overlap the time from ``start`` to ``end``; None leaves that side open."""
        touching = Q() if start is None else Q(before__gt=start)
        return self.filter(touching if end is None else touching & Q(after__lt=end))


class LogGap(models.Model):
    """A range of a key's log that upstream no longer showed when it was read.

    It lies between two captured rows, at ``after`` and ``before``. ``size`` is the number of missing requests according
    to upstream's request_count; None until a key list newer than the gap has been read, and for good if the counter
    restarted meanwhile. If one list accounts for several gaps, only their total is known and each size is an estimate
    (``is_estimate``). The same applies if requests were already missing elsewhere when the gap was found
    (``missing_before``): nobody knows whether they still are.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="gaps")
    after = models.DateTimeField()
    before = models.DateTimeField()
    size = models.PositiveBigIntegerField(null=True)
    # These have database defaults too, for workers still running the previous version.
    is_estimate = models.BooleanField(default=False, db_default=False)
    missing_before = models.PositiveBigIntegerField(default=0, db_default=0)
    detected_at = models.DateTimeField()

    objects = models.Manager.from_queryset(LogGapQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["key", "before"], name="gap_of_key")]

    def __str__(self) -> str:
        return f"{self.amount} before {self.before}"

    @property
    def amount(self) -> str:
        """Return how many requests are missing, and how certain that is: "About 1,300 requests"."""
        if self.size is None:
            return "An unknown number of requests"
        if self.is_estimate and not self.size:
            return "Perhaps some requests"
        words = counted(self.size, "request")
        return f"About {words}" if self.is_estimate else words


clock.register(LogGap, past=("detected_at",))
