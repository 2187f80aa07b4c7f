"""Celery's in-memory beat scheduler, made robust against clocks that differ or are changed.

A task is queued at most once: its work is in the database, so a second one would do nothing. Celery's own solution is
to let ticks expire, comparing the sender's clock with the worker's; clocks that differ by seconds would drop them all.
"""

from time import monotonic
from typing import Any

import celery.beat
import redis
import structlog
from celery.signals import task_prerun
from django.db import DatabaseError

from config.health import liveness
from workspaces.polling import heartbeats, rate_limiter

# About ten minutes without a worker. A returning worker processes the queue, and more tasks would not help.
MOST_WAITING = 100
# A full queue counts as full until this few tasks are left.
FEW_WAITING = 10
# Seconds after which a task that was sent but not started is sent again: Redis may have lost it.
LOST_AFTER = 60
_WAITS = "console:waits:"
logger = structlog.get_logger(__name__)


class Scheduler(celery.beat.Scheduler):
    """Skips tasks that are already waiting, and frequent ones while their queue is full."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._full: set[str] = set()
        self._sent: dict[str, float] = {}
        super().__init__(*arguments, **options)

    def tick(self, *arguments: Any, **options: Any) -> Any:
        """Send due tasks. A last run in the future comes from a clock that was ahead; such a task is due now."""
        now = self.app.now()
        entries: list[Any] = list(self.schedule.values())
        ahead = [entry for entry in entries if entry.last_run_at > now]
        for entry in ahead:
            entry.last_run_at = now - entry.schedule.run_every
        if ahead:
            self._heap = None
            logger.warning("clock_was_set_back", tasks=len(ahead))
        return super().tick(*arguments, **options)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: object) -> object:
        """Send the task unless it is waiting or its queue is full; log when that changes.

        This also records that beat is alive.
        """
        queue = self.app.amqp.router.route({}, entry.task)["queue"].name
        self._look_at(queue)
        if queue in self._full and entry.schedule.run_every.total_seconds() <= MOST_WAITING:
            return None
        sent = None
        if self._begins_to_wait(entry.task):
            sent = super().apply_async(entry, producer=producer, advance=advance, **options)
        heartbeats.record_tick()
        return sent

    def _begins_to_wait(self, task: str) -> bool:
        """Mark ``task`` as waiting; return False if it already is, unless for so long that it counts as lost."""
        now = monotonic()
        try:
            waits = not rate_limiter.connection().set(_WAITS + task, 1, nx=True, ex=LOST_AFTER)
        except redis.RedisError:
            waits = False
        # Redis expires keys by its machine's clock; if that was set back, a lost task would keep waiting for as long.
        if waits and now - self._sent.setdefault(task, now) < LOST_AFTER:
            return False
        self._sent[task] = now
        return True

    def _look_at(self, queue: str) -> None:
        waiting = _queue_length(queue)
        if queue not in self._full and waiting >= MOST_WAITING:
            self._full.add(queue)
            logger.warning("workers_are_busy" if _has_workers(queue) else "no_worker_takes_tasks", queue=queue)
        elif queue in self._full and waiting <= FEW_WAITING:
            self._full.discard(queue)
            logger.warning("workers_keep_up_again", queue=queue)


def _queue_length(queue: str) -> int:
    try:
        return int(rate_limiter.connection().llen(queue))
    except redis.RedisError:  # sending will fail as well, and Celery reports it
        return 0


def _has_workers(queue: str) -> bool:
    try:
        return liveness.has_workers(queue)
    except DatabaseError:
        return False


@task_prerun.connect
def mark_started(sender: Any, **_: object) -> None:
    """Allow the next task, as a worker has started this one."""
    try:
        rate_limiter.connection().delete(_WAITS + sender.name)
    except redis.RedisError:
        logger.warning("broker_unreachable", task=sender.name)
