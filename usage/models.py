from datetime import datetime
from decimal import Decimal

from django.db import models

from workspaces.models import Workspace


class BalanceReadingQuerySet(models.QuerySet["BalanceReading"]):
    """The questions asked of the balance."""

    def of(self, workspace: Workspace) -> "BalanceReadingQuerySet":
        """Keep the readings of ``workspace``."""
        return self.filter(workspace=workspace)

    def latest_of(self, workspace: Workspace) -> "BalanceReading | None":
        """Return the newest reading, or None before the first."""
        return self.filter(workspace=workspace).order_by("-read_at").first()

    def begun_by(self, moment: datetime) -> "BalanceReading | None":
        """Return the stretch that was current at ``moment``: the last that began by then."""
        return self.filter(first_read_at__lte=moment).order_by("-first_read_at").first()

    def top_ups(self) -> "BalanceReadingQuerySet":
        """Keep the stretches that began with a top-up, oldest first."""
        return self.filter(topped_up__gt=0).order_by("first_read_at")


class BalanceReading(models.Model):
    """The credit balance over a stretch of time in which every reading gave the same number.

    ``read_at`` moves on while the balance stays, so that a year of an idle workspace is a single row. A stretch
    ends where readings fail or pause: ``gap_seconds`` says for how long nothing was read before this one, 0 if the
    reading before came in time. ``topped_up`` is how much of the change before this stretch was a top-up.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="balance_readings")
    credits = models.DecimalField(max_digits=18, decimal_places=4)
    first_read_at = models.DateTimeField()
    read_at = models.DateTimeField()
    topped_up = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    gap_seconds = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(BalanceReadingQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-read_at"], name="balance_of_workspace"),
            models.Index(fields=["workspace", "-first_read_at"], name="balance_by_beginning"),
            models.Index(fields=["workspace", "first_read_at"], name="top_ups", condition=models.Q(topped_up__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{Decimal(self.credits).normalize():f} credits"


class BalanceHour(models.Model):
    """One hour of the balance, in UTC: what charts of long ranges and the forecast are made of.

    ``spent`` is the net fall without top-ups: credits that a finished workflow gave back (``returned``, of its
    reservation) are taken off again. ``covered_seconds`` is how much of the hour readings cover; a fall that was
    found after a gap is ``spent_in_gap``, because nobody knows at which hour of the gap it happened.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="balance_hours")
    hour = models.DateTimeField()
    lowest = models.DecimalField(max_digits=18, decimal_places=4)
    highest = models.DecimalField(max_digits=18, decimal_places=4)
    closing = models.DecimalField(max_digits=18, decimal_places=4)
    spent = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    spent_in_gap = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    returned = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    topped_up = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    covered_seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "hour"], name="one_row_an_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00"


class BurnPattern(models.Model):
    """What was learned of a workspace's burn, as of the beginning of an hour: good for all of it.

    Learning reads eight weeks of hours, so it is done once an hour when a balance lands, not for every page.
    ``learned`` holds the fields of ``forecasting.Pattern``, None while ``hours_seen`` are too few.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="burn_pattern")
    hour = models.DateTimeField()
    hours_seen = models.PositiveIntegerField()
    learned = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"burn as of {self.hour:%Y-%m-%d %H}:00"
