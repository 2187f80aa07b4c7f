from decimal import Decimal

from django.db import models

from workspaces.models import Workspace


class BalanceReadingQuerySet(models.QuerySet["BalanceReading"]):
    """The questions asked of the balance."""

    def latest_of(self, workspace: Workspace) -> "BalanceReading | None":
        """Return the newest reading, or None before the first."""
        return self.filter(workspace=workspace).order_by("-read_at").first()


class BalanceReading(models.Model):
    """The credit balance over a stretch of time in which every reading gave the same number.

    ``read_at`` moves on while the balance stays, so that a year of an idle workspace is a single row.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="balance_readings")
    credits = models.DecimalField(max_digits=18, decimal_places=4)
    first_read_at = models.DateTimeField()
    read_at = models.DateTimeField()

    objects = models.Manager.from_queryset(BalanceReadingQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["workspace", "-read_at"], name="balance_of_workspace")]

    def __str__(self) -> str:
        return f"{Decimal(self.credits).normalize():f} credits"
