"""Beat's clock: Celery's own in-memory one, which does not fill the broker while no worker takes anything from it."""

from typing import Any

import celery.beat
import redis
import structlog

from workspaces.polling import pacer

# About a minute of ticks. Expired tasks stay in Redis until a worker throws them away, so more would help nobody.
MOST_WAITING = 100
logger = structlog.get_logger(__name__)


class Scheduler(celery.beat.Scheduler):
    """Leaves frequent tasks out while so many wait that no worker can be running."""

    _is_stalled = False

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send the task unless the queue is full; a change of that is logged."""
        stalled = _waiting(self.app.conf.task_default_queue) >= MOST_WAITING
        if stalled != self._is_stalled:
            self._is_stalled = stalled
            logger.warning("no_worker_takes_tasks" if stalled else "workers_take_tasks_again")
        if stalled and entry.schedule.run_every.total_seconds() <= MOST_WAITING:
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)


def _waiting(queue: str) -> int:
    try:
        return int(pacer.connection().llen(queue))
    except redis.RedisError:  # sending will fail as well, and Celery says so
        return 0
