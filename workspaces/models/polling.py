from datetime import datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from workspaces.models.workspace import Workspace


class PollQuerySet(models.QuerySet["Poll"]):
    """The questions asked of the table of what is due."""

    def due(self, now: datetime) -> "PollQuerySet":
        """Keep what should run now and is not leased by a worker that is still alive."""
        free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        return self.filter(free, next_run_at__lte=now, paused_reason="").order_by("next_run_at")

    def lease(self, limit: int, seconds: float) -> "list[Poll]":
        """Take up to ``limit`` due rows for ``seconds``; no other worker gets them before that.

        On PostgreSQL rows that another worker is taking are skipped; SQLite's immediate transactions queue up.
        """
        now = timezone.now()
        if not self.due(now).exists():
            return []  # the usual case, and one that takes no write lock
        skip = connection.features.has_select_for_update_skip_locked
        with transaction.atomic():
            rows = list(self.select_for_update(skip_locked=skip).due(now)[:limit])
            until = now + timedelta(seconds=seconds)
            self.model.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=until, last_attempt_at=now)
        for row in rows:
            row.leased_until, row.last_attempt_at = until, now
        return rows


class Poll(models.Model):
    """One thing that is fetched in the background: what, how often, when next, and how it went."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="polls")
    resource = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True)  # a key's id for "requests", empty for the rest
    interval_seconds = models.PositiveIntegerField()
    next_run_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_error_kind = models.CharField(max_length=60, blank=True)
    last_request_id = models.CharField(max_length=200, blank=True)
    paused_reason = models.TextField(blank=True)

    objects = models.Manager.from_queryset(PollQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "resource", "subject"], name="one_poll_each")]
        indexes = [models.Index(fields=["next_run_at"], name="poll_due", condition=Q(paused_reason=""))]

    def __str__(self) -> str:
        return f"{self.resource} {self.subject} of {self.workspace_id}"

    @property
    def is_stale(self) -> bool:
        """Say whether the mirror is older than it should be: three intervals, and a minute at least."""
        if self.last_success_at is None:
            return self.consecutive_failures > 0 or bool(self.paused_reason)
        limit = timedelta(seconds=max(60, 3 * self.interval_seconds))
        return timezone.now() - self.last_success_at > limit
