from datetime import datetime, timedelta
from decimal import Decimal

from django.db import models
from django.db.models import Value
from django.db.models.functions import StrIndex
from django.urls import reverse

from alerts.engine.rule_kinds import Observation, RuleKind, kind_named
from alerts.engine.state_machine import Levels
from alerts.models.recipient import Stream
from core import clock
from workspaces.models import User, Workspace


class Severity(models.TextChoices):
    """How bad a rule is when it fires, mildest first."""

    INFORMATION = "information", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"

    @property
    def rank(self) -> int:
        """Return 0 for the mildest."""
        return list(Severity).index(self)

    @property
    def pill(self) -> str:
        """Return the level of a pill or callout that shows it."""
        return {"information": "info", "warning": "warning", "critical": "danger"}[self.value]

    @property
    def stream(self) -> Stream:
        """Return what readers can end that its e-mails belong to."""
        return Stream.CRITICAL if self == Severity.CRITICAL else Stream.WARNINGS


def by_severity() -> StrIndex:
    """Return an expression to sort by severity: its place in the list, which Django compiles faster than cases."""
    return StrIndex(Value(" ".join(Severity)), "severity")


class RuleQuerySet(models.QuerySet["Rule"]):
    """Queries on rules."""

    def enabled(self) -> "RuleQuerySet":
        """Keep those that are switched on."""
        return self.filter(enabled=True)

    def mildest_first(self) -> "RuleQuerySet":
        """Order as pages list them: by kind, and within it by severity."""
        return self.order_by("kind", by_severity(), "name", "pk")


class Rule(models.Model):
    """What to watch in one workspace, when to notify, and whom.

    ``threshold`` and ``recovery`` are in the unit of the kind; ``repeat_seconds`` 0 means: say it once.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="alert_rules")
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    severity = models.CharField(max_length=12, choices=Severity.choices, default=Severity.WARNING)
    parameters = models.JSONField(default=dict)
    threshold = models.DecimalField(max_digits=18, decimal_places=4)
    recovery = models.DecimalField(max_digits=18, decimal_places=4)
    pending_seconds = models.PositiveIntegerField(default=0)
    repeat_seconds = models.PositiveIntegerField(default=0)
    to_owners = models.BooleanField(default=True)
    addresses = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.cached_now)

    objects = models.Manager.from_queryset(RuleQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["workspace", "kind"], name="rules_of_workspace")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the URL of the rule's form."""
        return reverse("alerts:rule", args=[self.workspace.slug, self.pk])

    @property
    def level(self) -> Severity:
        """Return the severity with what it can answer."""
        return Severity(self.severity)

    @property
    def kind_of(self) -> RuleKind | None:
        """Return the kind, or None where no app knows it any more."""
        return kind_named(self.kind)

    @property
    def is_required(self) -> bool:
        """Return whether it cannot be switched off or removed."""
        return self.kind_of is not None and bool(self.kind_of.required_because)

    @property
    def condition(self) -> str:
        """Return in words when it fires: "the balance is below 500 credits"."""
        return self.kind_of.describe(self) if self.kind_of else "nothing this console knows"

    def levels(self, threshold: Decimal | None = None, recovery: Decimal | None = None) -> Levels:
        """Return the levels to fire and to clear at; arguments replace relative ones."""
        kind = self.kind_of
        return Levels(
            kind.direction if kind else "below",
            self.threshold if threshold is None else threshold,
            self.recovery if recovery is None else recovery,
            timedelta(seconds=self.pending_seconds),
        )

    def levels_for(self, observation: Observation) -> Levels:
        """Return the levels to compare ``observation`` with."""
        return self.levels(observation.threshold, observation.recovery)


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    """Queries on snoozes."""

    def in_force(self, now: datetime) -> "SnoozeQuerySet":
        """Leave out those whose date has passed."""
        return self.exclude(until__lte=now)


class Snooze(models.Model):
    """Suppresses the e-mails about one rule and subject: until a date, or until the value gets worse.

    With a date it outlives the alert that it was set on, so that hovering around the recovery level does not end it.
    Without one it ends with the alert, or a level that is never reached would silence the rule for good.
    """

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="snoozes")
    subject = models.CharField(max_length=200, blank=True)
    until = models.DateTimeField(null=True)
    level = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=clock.cached_now)

    objects = models.Manager.from_queryset(SnoozeQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="one_snooze_each")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.subject} snoozed"

    def applies(self, levels: Levels, value: Decimal, now: datetime) -> bool:
        """Return whether e-mails are suppressed at ``value``: before the date, and not past the level."""
        if self.until is not None and now >= self.until:
            return False
        return self.level is None or not Levels(levels.direction, self.level, self.level).crossed(value)


clock.register(Rule, past=("created_at",))
clock.register(Snooze, past=("at",))
