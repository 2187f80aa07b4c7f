from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import Q

from core import clock
from core.db.leases import Leased, LeasedQuerySet
from core.db.sql import execute_batch, json_recordset, to_json
from workspaces.models.workspace import Workspace

# Raw SQL, because update() cannot set different values on each of many rows.
_GIVEN = {
    "pk": "bigint", "held_until": "timestamptz", "next_run_at": "timestamptz", "last_attempt_at": "timestamptz",
    "last_success_at": "timestamptz", "consecutive_failures": "int", "last_error": "text", "last_error_kind": "text",
    "last_request_id": "text", "odd_count": "int", "odd_example": "text", "fingerprint": "text",
}  # fmt: skip
_GIVE_BACK = """
UPDATE workspaces_poll SET leased_until = NULL, next_run_at = given.next_run_at,
    last_attempt_at = given.last_attempt_at, last_success_at = given.last_success_at,
    consecutive_failures = given.consecutive_failures,
    last_error = given.last_error, last_error_kind = given.last_error_kind, last_request_id = given.last_request_id,
    odd_count = given.odd_count, odd_example = given.odd_example, fingerprint = given.fingerprint
FROM {} WHERE id = given.pk AND leased_until {} given.held_until
"""
_SCHEDULE = {"pk": "bigint", "interval_seconds": "int", "next_run_at": "timestamptz"}
_RESCHEDULE = """
UPDATE workspaces_poll SET interval_seconds = given.interval_seconds, next_run_at = given.next_run_at
FROM {} WHERE id = given.pk
"""
_GIVE_BACK_BY_VENDOR = {
    vendor: _GIVE_BACK.format(json_recordset("given", _GIVEN, vendor), same)
    for vendor, same in (("postgresql", "IS NOT DISTINCT FROM"), ("sqlite", "IS"))
}


class PollQuerySet(LeasedQuerySet["Poll"]):
    """Queries on the schedule of polls."""

    def due(self, now: datetime) -> "PollQuerySet":
        """Return the polls that should run now and are not under an unexpired lease."""
        return self.free(now).filter(next_run_at__lte=now, paused_reason="").order_by("next_run_at")

    def lease(self, limit: int, seconds: float) -> "list[Poll]":
        """Lease up to ``limit`` due rows for ``seconds``; no other worker gets them in that time.

        Workspaces and sessions are loaded too; polls of one workspace share its instance. PostgreSQL skips rows that
        another worker is leasing; SQLite's immediate transactions wait for each other.
        """
        now = clock.now()
        if connection.vendor == "sqlite" and not self.due(now).exists():
            return []  # the usual case; saves SQLite a write transaction
        with transaction.atomic():
            rows = self._awake(list(self.due(now).lock_unlocked().select_related("workspace__session")[:limit]))
            self.acquire_locked(rows, now + timedelta(seconds=seconds), last_attempt_at=now)
        workspaces: dict[int, Workspace] = {}
        for row in rows:
            row.workspace = workspaces.setdefault(row.workspace_id, row.workspace)
        return rows

    def _awake(self, rows: "list[Poll]") -> "list[Poll]":
        """Return the rows of workspaces that are not paused, and pause the others again.

        Workers of an older version, which knows no pauses, may have woken them.
        """
        asleep: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            asleep[row.workspace.pause].append(row.pk)
        asleep.pop("", None)
        for reason, ids in asleep.items():
            self.model.objects.filter(pk__in=ids).update(paused_reason=reason)
        return [row for row in rows if not row.workspace.pause]

    def give_back(self, polls: "Iterable[Poll]") -> int:
        """Store the results and next run times of ``polls``, and end their leases; return how many were still held.

        The expiry time of a lease proves who holds it: a row that another worker has leased since is left alone.
        """
        rows = [
            {
                "pk": poll.pk,
                "held_until": poll.leased_until,
                "next_run_at": poll.next_run_at,
                "last_attempt_at": poll.last_attempt_at,
                "last_success_at": poll.last_success_at,
                "consecutive_failures": poll.consecutive_failures,
                "last_error": poll.last_error,
                "last_error_kind": poll.last_error_kind,
                "last_request_id": poll.last_request_id,
                "odd_count": poll.odd_count,
                "odd_example": poll.odd_example,
                "fingerprint": poll.fingerprint,
            }
            for poll in polls
        ]
        if not rows:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_GIVE_BACK_BY_VENDOR[connection.vendor], [to_json(rows)])
            return int(cursor.rowcount)

    def reschedule(self, polls: "Iterable[Poll]") -> None:
        """Store the interval and the next run time of ``polls``."""
        rows = [
            {"pk": poll.pk, "interval_seconds": poll.interval_seconds, "next_run_at": poll.next_run_at}
            for poll in polls
        ]
        if rows:
            recordset = json_recordset("given", _SCHEDULE, connection.vendor)
            execute_batch((_RESCHEDULE.format(recordset), [to_json(rows)]))

    def failing(self) -> "PollQuerySet":
        """Return the polls that failed when last tried, or that are paused."""
        return self.filter(Q(consecutive_failures__gt=0) | ~Q(paused_reason=""))


class Poll(Leased):
    """One thing that is fetched in the background: its schedule, and the result of the last attempt."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="polls")
    resource = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True)  # a key's id for "requests", else empty
    interval_seconds = models.PositiveIntegerField()
    next_run_at = models.DateTimeField(default=clock.cached_now)
    last_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_error_kind = models.CharField(max_length=60, blank=True)
    last_request_id = models.CharField(max_length=200, blank=True)
    paused_reason = models.TextField(blank=True)
    # How many records of the last response could not be parsed, and the first of them as an example.
    odd_count = models.PositiveIntegerField(default=0)
    odd_example = models.TextField(blank=True)
    # Of the answer that was ingested last, so that the same one need not be ingested again; empty if unknown.
    fingerprint = models.CharField(max_length=32, blank=True, default="", db_default="")

    objects = models.Manager.from_queryset(PollQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "resource", "subject"], name="one_poll_each")]
        indexes = [models.Index(fields=["next_run_at"], name="poll_due", condition=Q(paused_reason=""))]

    def __str__(self) -> str:
        return f"{self.resource} {self.subject} of {self.workspace_id}"

    @property
    def problem(self) -> str:
        """Return why it is paused or failed when last tried, else an empty string."""
        return self.paused_reason or (self.last_error if self.consecutive_failures else "")

    @property
    def is_stale(self) -> bool:
        """Return whether the mirror is out of date: older than three intervals, and than a minute."""
        if self.last_success_at is None:
            return self.consecutive_failures > 0 or bool(self.paused_reason)
        limit = timedelta(seconds=max(60, 3 * self.interval_seconds))
        return clock.cached_now() - self.last_success_at > limit


clock.register(Poll, past=("last_attempt_at", "last_success_at"), due=("next_run_at",), leases=("leased_until",))


class Heartbeat(models.Model):
    """When a process was last alive, or when a queue last had work done.

    Kept in the database, so that it stays correct while Redis is down.
    """

    class Kind(models.TextChoices):
        CLOCK = "clock", "Clock"  # has sent the tasks that were due
        WORKER = "worker", "Worker"  # is alive and reaches Redis
        QUEUE = "queue", "Queue"  # a task of this queue has run
        PROBE = "probe", "Probe"  # the database accepts writes

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200)
    beat_at = models.DateTimeField()
    # Workers only: the queues that it consumes, separated by spaces, and whether all its slots are taken.
    queues = models.TextField(blank=True)
    is_busy = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_heartbeat_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @staticmethod
    def beat(kind: "Heartbeat.Kind", name: str, *, queues: str = "", is_busy: bool = False) -> datetime:
        """Record a heartbeat and return its time, by the database's clock."""
        now = clock.now()
        row = Heartbeat(kind=kind, name=name[:200], beat_at=now, queues=queues, is_busy=is_busy)
        Heartbeat.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["kind", "name"],
            update_fields=["beat_at", "queues", "is_busy"],
        )
        return now


clock.register(Heartbeat, past=("beat_at",))
