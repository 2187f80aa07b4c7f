"""Signs of life of the background processes: in the database, which says the truth while Redis is away, too."""

from datetime import datetime

from django.db import models

from core import clock


class Heartbeat(models.Model):
    """When a process was last known to live, or a queue's work to be done."""

    class Kind(models.TextChoices):
        CLOCK = "clock", "Clock"  # it has sent what was due
        WORKER = "worker", "Worker"  # it lives and reaches Redis
        QUEUE = "queue", "Queue"  # work of this queue has been done
        PROBE = "probe", "Probe"  # the database takes what is written

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200)
    beat_at = models.DateTimeField()
    # Of a worker: from which queues it takes work, separated by spaces, and whether it could begin something more.
    queues = models.TextField(blank=True)
    is_busy = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_heartbeat_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @staticmethod
    def beat(kind: "Heartbeat.Kind", name: str, *, queues: str = "", is_busy: bool = False) -> datetime:
        """Note a sign of life; return its moment, by the database's clock."""
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
