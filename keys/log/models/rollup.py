from datetime import datetime
from typing import Self

from django.db import models

from core.histogram import Histogram, merge
from keys.models.key import ApiKey
from workspaces.models import Workspace

# Special values of ``endpoint``; real ones begin with a slash.
EVERYTHING = ""  # all of the customer's requests
OTHER = "other"  # endpoints past the maximum
CONSOLE = "console"  # the console's own calls, which are in no other row
ERROR_CLASSES = (4, 5)


class TrafficQuerySet(models.QuerySet["Traffic"]):
    """The questions asked of rollups."""

    def everything(self) -> Self:
        """Keep the rows that hold all of the customer's requests, whatever the endpoint."""
        return self.filter(endpoint=EVERYTHING)

    def by_endpoint(self) -> Self:
        """Keep the rows of single endpoints; together they hold what ``everything`` does."""
        return self.exclude(endpoint__in=[EVERYTHING, CONSOLE])

    def by_console(self) -> Self:
        """Keep the rows of the console's own calls."""
        return self.filter(endpoint=CONSOLE)

    def errors(self) -> Self:
        """Keep the rows of answers from 400 on."""
        return self.filter(status_class__in=ERROR_CLASSES)

    def between(self, start: datetime, end: datetime) -> Self:
        """Keep the hours that begin from ``start`` on and before ``end``."""
        return self.filter(hour__gte=start, hour__lt=end)

    def total(self) -> int:
        """Return how many requests the rows count."""
        return self.aggregate(total=models.Sum("count"))["total"] or 0

    def durations(self) -> Histogram:
        """Return the histogram of durations over all rows, for ``core.histogram.percentile``."""
        return merge(self.values_list("histogram", flat=True))


class Traffic(models.Model):
    """An hour's requests to one endpoint that were answered with one class of status.

    Maintained with the rows that it counts (``keys.log.ingest.rollups``), and kept when those are pruned.
    """

    hour = models.DateTimeField()
    endpoint = models.CharField(max_length=200)
    status_class = models.PositiveSmallIntegerField()
    count = models.PositiveIntegerField()
    histogram = models.JSONField(default=dict)

    objects = models.Manager.from_queryset(TrafficQuerySet)()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%Y-%m-%d %H} h: {self.endpoint or 'everything'} {self.status_class}xx"


class KeyTraffic(Traffic):
    """What one key did in an hour."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="traffic", db_index=False)

    class Meta:
        # Also the index that charts read: one endpoint (or everything) of one key, hour by hour.
        constraints = [
            models.UniqueConstraint(fields=["key", "endpoint", "hour", "status_class"], name="one_cell_of_key")
        ]


class WorkspaceTraffic(Traffic):
    """What all keys of a workspace did in an hour."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="traffic", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "endpoint", "hour", "status_class"], name="one_cell_of_workspace"
            )
        ]


class KeyEndpoint(models.Model):
    """An endpoint that a key has in its rollups; past ``MOST_ENDPOINTS`` the rest is counted as other."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="endpoints", db_index=False)
    path = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "path"], name="one_endpoint_of_key")]

    def __str__(self) -> str:
        return self.path
