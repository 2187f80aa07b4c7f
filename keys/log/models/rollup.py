from datetime import datetime
from typing import Self

from django.db import models

from core.db.histogram import Histogram, merge
from keys.models.key import ApiKey
from workspaces.models import Workspace

# Special values of ``endpoint``; real ones begin with a slash.
EVERYTHING = ""  # all of the customer's requests
OTHER = "other"  # endpoints beyond the maximum
CONSOLE = "console"  # the console's own calls, which no other row includes
ERROR_CLASSES = (4, 5)


class TrafficQuerySet(models.QuerySet["Traffic"]):
    """Queries on rollups."""

    def everything(self) -> Self:
        """Return the rows that count all of the customer's requests, whatever the endpoint."""
        return self.filter(endpoint=EVERYTHING)

    def by_endpoint(self) -> Self:
        """Return the rows of single endpoints; together they count the same requests as ``everything``."""
        return self.exclude(endpoint__in=[EVERYTHING, CONSOLE])

    def by_console(self) -> Self:
        return self.filter(endpoint=CONSOLE)

    def errors(self) -> Self:
        return self.filter(status_class__in=ERROR_CLASSES)

    def between(self, start: datetime, end: datetime) -> Self:
        """Return the hours that begin at or after ``start`` and before ``end``."""
        return self.filter(hour__gte=start, hour__lt=end)

    def total(self) -> int:
        """Return the number of requests in these rows."""
        return self.aggregate(total=models.Sum("count"))["total"] or 0

    def durations(self) -> Histogram:
        """Return the combined histogram of durations, for ``core.histogram.percentile``."""
        return merge(self.values_list("histogram", flat=True))


class Traffic(models.Model):
    """The number of requests to one endpoint in an hour that were answered with one class of status.

    Updated together with the rows that it counts (``keys.log.ingest.rollups``), and kept when those are pruned.
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
    """The requests of one key in an hour."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="traffic", db_index=False)

    class Meta:
        # Also serves as the index for charts: one endpoint (or everything) of one key, hour by hour.
        constraints = [
            models.UniqueConstraint(fields=["key", "endpoint", "hour", "status_class"], name="one_cell_of_key")
        ]


class WorkspaceTraffic(Traffic):
    """The requests of all keys of a workspace in an hour."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="traffic", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "endpoint", "hour", "status_class"], name="one_cell_of_workspace"
            )
        ]


class KeyEndpoint(models.Model):
    """An endpoint in a key's rollups; beyond ``MOST_ENDPOINTS``, requests are counted as other."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="endpoints", db_index=False)
    path = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "path"], name="one_endpoint_of_key")]

    def __str__(self) -> str:
        return self.path
