"""Writes heartbeats: of each worker from its own thread, of queues when a task has run, of the clock each tick.

The clock is in ``config.queue``.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import redis
import structlog
from celery.signals import task_success, worker_ready, worker_shutting_down
from celery.worker import state
from django.db import DatabaseError, connection

from workspaces.models import Heartbeat
from workspaces.polling import rate_limiter

# How often each of them writes a heartbeat.
EVERY_SECONDS = 5.0
logger = structlog.get_logger(__name__)


class Throttle:
    """Returns True at most once every few seconds in this process, across all threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next, self._lock = seconds, 0.0, threading.Lock()

    def __call__(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._next:
                return False
            self._next = now + self._seconds
            return True


_queues: dict[str, Throttle] = {}


def record_work(queue: str) -> None:
    """Record that a task of ``queue`` has run."""
    if _queues.setdefault(queue, Throttle(EVERY_SECONDS))():
        _quietly(lambda: Heartbeat.beat(Heartbeat.Kind.QUEUE, queue))


def record_tick() -> None:
    """Record that the clock has sent the due tasks."""
    if _clock():
        _quietly(lambda: Heartbeat.beat(Heartbeat.Kind.CLOCK, "clock"))


_clock = Throttle(EVERY_SECONDS)


def _quietly(beat: Callable[[], object]) -> None:
    """Call ``beat`` and log database errors: the missing heartbeat reports the outage."""
    try:
        beat()
    except DatabaseError as error:
        logger.warning("heartbeat_not_written", error=type(error).__name__)
        connection.close_if_unusable_or_obsolete()


@task_success.connect
def _note_task(sender: Any = None, **_: object) -> None:
    queue = (sender.request.delivery_info or {}).get("routing_key") if sender is not None else None
    if queue:
        record_work(queue)


class WorkerHeartbeat(threading.Thread):
    """Writes a heartbeat every few seconds while the worker reaches Redis. Runs in the worker's main process."""

    def __init__(self, name: str, queues: str, places: int) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._worker, self._queues, self._places = name, queues, places
        self._ended = threading.Event()

    def run(self) -> None:
        """Beat until ``end`` is called; a failed beat is retried the next time."""
        while not self._ended.is_set():
            if _redis_answers():
                _quietly(self._beat)
            # Closed each time, so that processes forked later do not inherit the connection.
            connection.close()
            self._ended.wait(EVERY_SECONDS)

    def _beat(self) -> None:
        is_busy = len(state.active_requests) >= self._places
        Heartbeat.beat(Heartbeat.Kind.WORKER, self._worker, queues=self._queues, is_busy=is_busy)

    def end(self) -> None:
        """Stop, and delete the heartbeat, because the worker takes no new tasks."""
        self._ended.set()
        _quietly(lambda: Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, name=self._worker).delete())


def _redis_answers() -> bool:
    try:
        return bool(rate_limiter.connection().ping())
    except redis.RedisError:
        return False


_pulses: list[WorkerHeartbeat] = []


@worker_ready.connect
def _begin(sender: Any = None, **_: object) -> None:
    queues = " ".join(sorted(sender.app.amqp.queues.consume_from))
    pulse = WorkerHeartbeat(f"{sender.hostname} {sender.pid}", queues, sender.pool.num_processes)
    _pulses.append(pulse)
    pulse.start()


@worker_shutting_down.connect
def _end(**_: object) -> None:
    while _pulses:
        _pulses.pop().end()
