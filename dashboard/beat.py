"""Beat's clock: Celery's own in-memory one, which does not fill the broker while nobody keeps up with it."""

from typing import Any

import celery.beat
import redis
import structlog
from django.db import DatabaseError

from dashboard import liveness
from workspaces import heartbeats
from workspaces.polling import pacer

# About a minute of ticks. Expired tasks stay in Redis until a worker throws them away, so more would help nobody.
MOST_WAITING = 100
# Until so few are left, a queue that was full counts as full.
FEW_WAITING = 10
logger = structlog.get_logger(__name__)


class Scheduler(celery.beat.Scheduler):
    """Leaves frequent tasks out while so many wait in their queue that more would help nobody."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._full: set[str] = set()
        super().__init__(*arguments, **options)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send the task unless its queue is full; a change of that is logged. What was sent proves that we tick."""
        queue = self.app.amqp.router.route({}, entry.task)["queue"].name
        self._look_at(queue)
        if queue in self._full and entry.schedule.run_every.total_seconds() <= MOST_WAITING:
            return None
        sent = super().apply_async(entry, producer=producer, advance=advance, **options)
        heartbeats.clock_ticked()
        return sent

    def _look_at(self, queue: str) -> None:
        waiting = _waiting(queue)
        if queue not in self._full and waiting >= MOST_WAITING:
            self._full.add(queue)
            logger.warning("workers_are_busy" if _has_workers(queue) else "no_worker_takes_tasks", queue=queue)
        elif queue in self._full and waiting <= FEW_WAITING:
            self._full.discard(queue)
            logger.warning("workers_keep_up_again", queue=queue)


def _waiting(queue: str) -> int:
    try:
        return int(pacer.connection().llen(queue))
    except redis.RedisError:  # sending will fail as well, and Celery says so
        return 0


def _has_workers(queue: str) -> bool:
    try:
        return liveness.has_workers(queue)
    except DatabaseError:
        return False
