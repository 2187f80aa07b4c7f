from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from core import clock
from usage.budgets.periods import MONTH, WEEK, Period, period_at
from usage.changes.types import Certainty, Mark
from workspaces.models import Workspace
from workspaces.models.user import validate_time_zone

MOST_CREDITS = Decimal(10**14)  # what columns of credits hold: eighteen digits, four of them after the decimal point


class BalanceImport(models.Model):
    """An imported history of the balance; undoing it removes its readings and keeps this row.

    ``is_demo`` marks the artificial past of the bundled sandbox.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="balance_imports")
    name = models.CharField(max_length=120)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=clock.cached_now)
    rows = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    is_demo = models.BooleanField(default=False)
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class BalanceReadingQuerySet(models.QuerySet["BalanceReading"]):
    """Queries on balance readings."""

    def of(self, workspace: Workspace) -> "BalanceReadingQuerySet":
        return self.filter(workspace=workspace)

    def latest_of(self, workspace: Workspace) -> "BalanceReading | None":
        return self.filter(workspace=workspace).order_by("-read_at", "-pk").first()

    def begun_by(self, at: datetime) -> "BalanceReading | None":
        """Return the reading that was current at ``at``: the last one that began by then."""
        return self.filter(first_read_at__lte=at).order_by("-first_read_at", "-pk").first()

    def with_changes(self) -> Any:
        """Annotate the change before each reading: ``topped_up``, ``corrected``, and their sum ``added``.

        The return type is Any, because no type can express the annotations.
        """
        zero = models.Value(Decimal(0), models.DecimalField(max_digits=18, decimal_places=4))
        topped_up = Coalesce(models.F("change__topped_up"), zero)
        corrected = Coalesce(models.F("change__corrected"), zero)
        return self.annotate(topped_up=topped_up, corrected=corrected, added=topped_up + corrected)


class BalanceReading(models.Model):
    """The credit balance over a range of time in which every poll returned the same number.

    ``read_at`` advances while the balance stays the same, so that a year of an idle workspace is a single row. The
    range ends if readings fail or pause: ``gap_seconds`` is the time without readings before this one, or 0 if the
    previous reading was in time. The change before a reading is not part of it: see ``BalanceChange``.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="balance_readings")
    credits = models.DecimalField(max_digits=18, decimal_places=4)
    first_read_at = models.DateTimeField()
    read_at = models.DateTimeField()
    gap_seconds = models.PositiveIntegerField(default=0)
    # None for the console's own readings.
    imported = models.ForeignKey("usage.BalanceImport", on_delete=models.CASCADE, null=True, related_name="readings")

    objects = models.Manager.from_queryset(BalanceReadingQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-read_at"], name="balance_of_workspace"),
            models.Index(fields=["workspace", "-first_read_at"], name="balance_by_beginning"),
        ]

    def __str__(self) -> str:
        return f"{Decimal(self.credits).normalize():f} credits"


class BalanceChangeQuerySet(models.QuerySet["BalanceChange"]):
    """Queries on balance changes."""

    def of(self, workspace: Workspace) -> "BalanceChangeQuerySet":
        return self.filter(workspace=workspace)

    def between(self, since: datetime, until: datetime) -> "BalanceChangeQuerySet":
        """Return the changes seen after ``since`` and by ``until``, oldest first."""
        return self.filter(until__gt=since, until__lte=until).order_by("until")

    def top_ups(self) -> "BalanceChangeQuerySet":
        """Return the changes that contain a top-up, oldest first."""
        return self.filter(topped_up__gt=0).order_by("until")

    def uncertain(self) -> "BalanceChangeQuerySet":
        """Return the changes that a person could clarify, newest first."""
        return self.filter(UNCERTAIN).order_by("-until")

    def unread(self) -> "BalanceChangeQuerySet":
        """Return the changes to interpret, for the first time or again, oldest first."""
        return self.filter(is_settled=False).order_by("until")


# Changes that contain or may contain more than spending, and those after a gap.
SIGNIFICANT = models.Q(top_up_high__gt=0) | ~models.Q(corrected=0) | models.Q(is_gap=True)
UNCERTAIN = models.Q(certainty=Certainty.UNCERTAIN.value, mark="")


class BalanceChange(models.Model):
    """The interpretation of a change between two readings, made by ``usage.changes``; it is not itself a reading.

    ``spent`` is its spending. ``topped_up`` is what counts as a top-up, between ``top_up_low`` and ``top_up_high``;
    ``corrected`` is neither spent nor bought; ``returned`` came back from reservations. ``why`` holds keys of
    ``usage.changes.top_up_score.REASONS``. It is reinterpreted while ``is_settled`` is false: enrichments and the
    request log become known later than the reading. A person's ``mark`` overrides it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The reading that showed it. Readings are thinned after weeks, together with changes that are plain spending.
    reading = models.OneToOneField(BalanceReading, on_delete=models.CASCADE, related_name="change")
    since = models.DateTimeField()
    until = models.DateTimeField()
    before = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    after = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    is_gap = models.BooleanField(default=False)
    topped_up = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    top_up_low = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    top_up_high = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    corrected = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    returned = models.DecimalField(max_digits=18, decimal_places=4, default=Decimal(0))
    certainty = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Certainty])
    why = models.JSONField(default=list, blank=True)
    is_settled = models.BooleanField(default=False)
    mark = models.CharField(max_length=12, blank=True, choices=[(one.value, one.value) for one in Mark])
    marked = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    note = models.CharField(max_length=300, blank=True)
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    marked_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(BalanceChangeQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "until"], name="changes_of_balance"),
            models.Index(fields=["workspace", "until"], name="changes_telling", condition=SIGNIFICANT),
            models.Index(fields=["workspace", "until"], name="changes_uncertain", condition=UNCERTAIN),
            models.Index(fields=["workspace", "until"], name="changes_unread", condition=models.Q(is_settled=False)),
        ]

    def __str__(self) -> str:
        return f"{self.delta:+f} at {self.until}"

    @property
    def delta(self) -> Decimal:
        """Return the rise; negative for a fall."""
        return self.after - self.before

    @property
    def spent(self) -> Decimal:
        """Return the spending net of returned credits; negative if more came back."""
        return self.topped_up + self.corrected - self.delta

    @property
    def spent_low(self) -> Decimal:
        """Return the least that can have been spent."""
        return self.top_up_low + self.corrected - self.delta

    @property
    def spent_high(self) -> Decimal:
        """Return the most that can have been spent."""
        return self.top_up_high + self.corrected - self.delta


class BalanceHour(models.Model):
    """One hour of the balance, in UTC: the data of long charts and of the forecast.

    ``spent`` is the net fall without top-ups: credits that a finished workflow gave back from its reservation
    (``returned``) are subtracted. ``covered_seconds`` is how much of the hour readings cover. A fall found after a gap
    is ``spent_in_gap``, because nobody knows at which hour of the gap it happened.
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
    """A workspace's burn as learned at the beginning of an hour and valid for all of it.

    Learning reads eight weeks of hours, so it is done once an hour when a balance is ingested, not for every page.
    ``learned`` holds the fields of ``forecasting.Pattern``; while ``hours_seen`` are too few, it is None or holds
    ``rates``, the fields of ``provisional.ProvisionalRates``.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="burn_pattern")
    hour = models.DateTimeField()
    hours_seen = models.PositiveIntegerField()
    learned = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"burn as of {self.hour:%Y-%m-%d %H}:00"


class Budget(models.Model):
    """The credits that a workspace may spend in each calendar month, or each week from Monday on.

    Both begin at midnight in ``time_zone``, or UTC if that is empty. ``length_since`` is when the current length was
    set.
    """

    class Length(models.TextChoices):
        """The length of its periods."""

        MONTH = MONTH, "Calendar month"
        WEEK = WEEK, "Calendar week, from Monday on"

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="budget")
    credits = models.DecimalField(max_digits=18, decimal_places=4)
    length = models.CharField(max_length=5, choices=Length.choices, default=Length.MONTH)
    length_since = models.DateTimeField(default=clock.cached_now)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])

    def __str__(self) -> str:
        return f"{self.credits.normalize():,f} credits a calendar {self.length} ({self.zone.key})"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or "UTC")

    def period_at(self, at: datetime) -> Period:
        """Return the month or week that contains ``at``."""
        return period_at(self.length, self.zone, at)

    def percent(self, credits: Decimal) -> Decimal:  # noqa: A002 - as everywhere here
        """Return ``credits`` as a percentage of the budget."""
        return 100 * credits / self.credits


clock.register(BalanceImport, past=("at", "undone_at"))
clock.register(Budget, past=("length_since",))
