from datetime import datetime, timedelta
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.text import capfirst

from alerts.engine.rule_kinds import kind_named
from alerts.engine.state_machine import Memory
from alerts.engine.state_machine import State as Machine
from alerts.models.recipient import Stream
from alerts.models.rule import Rule, Severity, by_severity
from core import clock
from core.formatting import format_duration
from workspaces.models import User, Workspace


def severity_rank_of(kind_name: str, level: Severity, threshold: Decimal | None) -> tuple[int, Decimal]:
    """Return what sorts levels of one kind: by severity, then by how far down the level is."""
    kind = kind_named(kind_name)
    if kind is None or not kind.descending or threshold is None:
        return level.rank, Decimal(0)
    return level.rank, -threshold if kind.direction == "below" else threshold


class AlertQuerySet(models.QuerySet["Alert"]):
    """Queries on alerts."""

    def open(self) -> "AlertQuerySet":
        """Keep those that are not over, pending ones included."""
        return self.filter(resolved_at__isnull=True)

    def current(self) -> "AlertQuerySet":
        """Keep those that fire, or fired when they could last be read."""
        return self.open().filter(fired_at__isnull=False)

    def past(self) -> "AlertQuerySet":
        """Keep those that are over, latest first."""
        return self.filter(resolved_at__isnull=False, fired_at__isnull=False).order_by("-resolved_at", "-pk")

    def worst_first(self) -> "AlertQuerySet":
        """Order by severity, then by age."""
        return self.order_by(by_severity().desc(), "fired_at", "pk")


class Alert(models.Model):
    """One episode: from the crossing of a rule's threshold until it has recovered. One row while it lasts.

    What it says (rule's name, severity, value, threshold) is copied here, so that the page and every e-mail are
    written from this one record, and read the same after the rule has been changed.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        FIRING = "firing", "Firing"
        UNKNOWN = "unknown", "Unknown"
        RESOLVED = "resolved", "Resolved"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="alerts")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="alerts")
    kind = models.CharField(max_length=40)
    rule_name = models.CharField(max_length=120)
    condition = models.CharField(max_length=300, blank=True)
    severity = models.CharField(max_length=12, choices=Severity.choices)
    subject = models.CharField(max_length=200, blank=True)
    subject_label = models.CharField(max_length=200, blank=True)
    subject_url = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State.choices)
    hidden_state = models.CharField(max_length=10, blank=True)
    headline = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=list)
    value = models.DecimalField(max_digits=24, decimal_places=4, null=True)
    threshold = models.DecimalField(max_digits=24, decimal_places=4, null=True)
    recovery = models.DecimalField(max_digits=24, decimal_places=4, null=True)
    started_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    # What a person did to the rule while this fires, until the next e-mail says so.
    edited = models.CharField(max_length=600, blank=True, default="")
    notified_at = models.DateTimeField(null=True)
    # From the made-up past of the bundled sandbox; nobody was notified.
    is_demo = models.BooleanField(default=False)
    notifications_sent = models.PositiveIntegerField(default=0)  # how many times, not to how many recipients

    objects = models.Manager.from_queryset(AlertQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], name="one_open_alert_each", condition=Q(resolved_at__isnull=True)
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-resolved_at"], name="past_alerts"),
            models.Index(fields=["workspace"], name="open_alerts", condition=Q(resolved_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.rule_name}: {self.headline}"

    def get_absolute_url(self) -> str:
        """Return the URL of the alert's page."""
        return reverse("alerts:alert", args=[self.workspace.slug, self.pk])

    @property
    def level(self) -> Severity:
        """Return the severity with what it can answer."""
        return Severity(self.severity)

    @property
    def title(self) -> str:
        """Return the headline with a capital, unless it begins with the name of a key or an endpoint."""
        named = bool(self.subject_label) and self.headline.startswith(self.subject_label)
        return self.headline if named else capfirst(self.headline)

    @property
    def stream(self) -> Stream:
        """Return what readers can end that its e-mails belong to."""
        return self.level.stream

    @property
    def severity_rank(self) -> tuple[int, Decimal]:
        """Return what sorts it among alerts of its kind and subject: by severity, then by how far down its level is."""
        return severity_rank_of(self.kind, self.level, self.threshold)

    @property
    def memory(self) -> Memory:
        """Return the previous state for the state machine."""
        hidden = Machine(self.hidden_state) if self.hidden_state else Machine.OK
        return Memory(Machine(self.state), self.started_at, hidden)

    @property
    def is_open(self) -> bool:
        """Return whether it is not over."""
        return self.resolved_at is None

    @property
    def duration(self) -> timedelta:
        """Return how long it has been firing, or was."""
        return (self.resolved_at or clock.cached_now()) - (self.fired_at or self.started_at)

    @property
    def lasted_words(self) -> str:
        """Return how long it lasted, in words."""
        return format_duration(self.duration)

    @property
    def snooze_key(self) -> str:
        """Return what identifies its rule and subject."""
        return f"{self.rule_id}:{self.subject}"

    def reminder_due(self, repeat_seconds: int, now: datetime) -> bool:
        """Return whether a reminder is due: it is not acknowledged, and the interval is over."""
        if not repeat_seconds or self.acknowledged_at:
            return False
        last = self.notified_at or self.fired_at
        return last is not None and now - last >= timedelta(seconds=repeat_seconds)


class Transition(models.Model):
    """One line of an alert's timeline: a change of state, or what a person did about it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField(default=clock.cached_now)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10, blank=True)
    value = models.DecimalField(max_digits=24, decimal_places=4, null=True)
    text = models.CharField(max_length=500)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text


clock.register(Transition, past=("at",))
clock.register(Alert, past=("started_at", "fired_at", "resolved_at", "evaluated_at", "acknowledged_at", "notified_at"))
