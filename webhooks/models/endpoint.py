from django.db import models

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
