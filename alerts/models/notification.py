from datetime import datetime

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from alerts.models.alert import Alert
from alerts.models.recipient import Recipient, Stream
from core import clock
from core.db.leases import Leased, LeasedQuerySet
from workspaces.models import Workspace

STORED = "Written to a file"  # how the answer begins where there is no mail server


class NotificationQuerySet(LeasedQuerySet["Notification"]):
    """Queries on the outbox."""

    def unsent(self) -> "NotificationQuerySet":
        """Keep what is still to be sent."""
        return self.filter(state__in=[Notification.State.QUEUED, Notification.State.SENDING])

    def finished(self) -> "NotificationQuerySet":
        """Keep those that will not change any more."""
        waiting = [Notification.State.QUEUED, Notification.State.SENDING, Notification.State.HELD]
        return self.exclude(state__in=waiting)

    def due(self, now: datetime) -> "NotificationQuerySet":
        """Keep those that should be sent now, oldest first: queued, or left behind by a worker that died.

        Within a thread each e-mail waits for the one before it.
        """
        left_behind = Q(state=Notification.State.SENDING, leased_until__lt=now)
        waiting = Q(state=Notification.State.QUEUED, next_attempt_at__lte=now)
        earlier = Notification.objects.unsent().filter(
            alert=OuterRef("alert"), recipient=OuterRef("recipient"), pk__lt=OuterRef("pk")
        )
        return self.filter(left_behind | waiting).exclude(Exists(earlier)).order_by("next_attempt_at", "pk")

    def firing_emails(self) -> "NotificationQuerySet":
        """Keep those which say that an alert fires, were or will be sent, and whose reader still has access."""
        says = [Notification.Kind.FIRING, Notification.Kind.REMINDER, Notification.Kind.EASED]
        lost = [Notification.State.DROPPED, Notification.State.UNDELIVERABLE, Notification.State.FAILED]
        since_left = Q(recipient__left_at=None) | Q(recipient__left_at__lt=F("created_at"))
        return self.filter(since_left, kind__in=says).exclude(state__in=lost)


class Notification(Leased):
    """One e-mail to one address: a row of the outbox, written in the transaction of the change that it reports.

    ``key`` prevents writing it twice. ``message_id`` makes a repeat recognizable, which cannot be excluded: a worker
    may die between the server's answer and our record of it.
    """

    class Kind(models.TextChoices):
        FIRING = "firing", "Alert"
        REMINDER = "reminder", "Reminder"
        EASED = "eased", "Better, not resolved"
        RESOLVED = "resolved", "Resolved"
        TEST = "test", "Test"
        SUMMARY = "summary", "Summary"
        DIGEST = "digest", "Digest"

    class State(models.TextChoices):
        HELD = "held", "Held back"
        QUEUED = "queued", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNDELIVERABLE = "undeliverable", "Undeliverable"
        DROPPED = "dropped", "Skipped"
        IN_DIGEST = "in_digest", "Part of a digest"

    key = models.CharField(max_length=200, unique=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="notifications")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="notifications")
    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    payload = models.JSONField(default=dict)  # everything that the e-mail says, as of its creation
    message_id = models.CharField(max_length=200, unique=True)
    thread_id = models.CharField(max_length=200, blank=True)
    in_reply_to = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=14, choices=State.choices, default=State.QUEUED)
    created_at = models.DateTimeField(default=clock.cached_now)
    next_attempt_at = models.DateTimeField(default=clock.cached_now)
    attempt_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)  # what the mail server said last

    objects = models.Manager.from_queryset(NotificationQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], name="outbox_due", condition=Q(state__in=["queued", "sending"])),
            models.Index(fields=["next_attempt_at"], name="outbox_held", condition=Q(state="held")),
            models.Index(fields=["workspace", "-id"], name="notification_log"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.recipient_id}: {self.get_state_display()}"

    @property
    def stream(self) -> Stream:
        """Return the stream that it belongs to; the e-mail about an alert's end belongs to that of its beginning."""
        if self.kind == self.Kind.SUMMARY:
            return Stream.SUMMARY
        known = self.payload.get("stream")
        if known:
            return Stream(known)
        return Stream.CRITICAL if self.payload.get("severity") == "critical" else Stream.WARNINGS

    @property
    def pill(self) -> str:
        """Return the level of the pill that shows the state."""
        if self.is_stored:
            return "neutral"
        return {"sent": "ok", "failed": "danger", "undeliverable": "danger"}.get(self.state, "neutral")

    @property
    def is_stored(self) -> bool:
        """Return whether it only went into a file, because there is no mail server."""
        return self.state == self.State.SENT and self.answer.startswith(STORED)

    @property
    def state_words(self) -> str:
        """Return the state as pages show it. "Sent" is only what a mail server has accepted."""
        return "Stored in a file" if self.is_stored else self.get_state_display()

    @property
    def is_after_leaving(self) -> bool:
        """Return whether its reader has lost the workspace since it was written."""
        left_at = self.recipient.left_at
        return left_at is not None and left_at >= self.created_at

    @property
    def is_held_back(self) -> bool:
        """Return whether it waits for the end of quiet hours."""
        return self.state == self.State.HELD

    @property
    def message_id_in_thread(self) -> str:
        """Return the Message-ID that its reader knows: its own, or that of the digest which contains it."""
        return self.thread_id if self.state == self.State.IN_DIGEST else self.message_id


class Attempt(models.Model):
    """One try to hand a notification to the mail server; written before the try, completed after it."""

    class Outcome(models.TextChoices):
        STARTED = "started", "No outcome recorded"
        ACCEPTED = "accepted", "Accepted"
        DEFERRED = "deferred", "Deferred"
        REFUSED = "refused", "Refused"

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=clock.cached_now)
    duration_ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.STARTED)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.answer}"

    @property
    def is_stored(self) -> bool:
        """Return whether it only wrote a file, because there is no mail server."""
        return self.outcome == self.Outcome.ACCEPTED and self.answer.startswith(STORED)


clock.register(Attempt, past=("at",))
clock.register(Notification, past=("created_at", "sent_at"), due=("next_attempt_at",), leases=("leased_until",))
