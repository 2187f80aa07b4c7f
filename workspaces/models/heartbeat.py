"""Heartbeats of the background processes, kept in the database so that they stay correct while Redis is down."""

from datetime import datetime

from django.db import models

from core import clock


class Heartbeat(models.Model):
    """When a process was last alive, or when a queue last had work done."""

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
        moment = clock.now()
        row = Heartbeat(kind=kind, name=name[:200], beat_at=moment, queues=queues, is_busy=is_busy)
        Heartbeat.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["kind", "name"],
            update_fields=["beat_at", "queues", "is_busy"],
        )
        return moment


clock.register(Heartbeat, past=("beat_at",))
