"""Enqueues tasks at once, so that work in the database does not wait for the clock's next tick."""

from collections.abc import Callable
from functools import lru_cache

import structlog
from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)


def enqueue(task: str) -> None:
    """Enqueue the task with this name. Nothing is lost without a broker: the clock sends it every few seconds."""
    try:
        current_app.signature(task).apply_async(retry=False, ignore_result=True)
    except OperationalError as error:
        logger.warning("broker_unreachable", error=str(error))


def enqueue_on_commit(task: str) -> None:
    """Enqueue the task with this name after the commit, once per transaction.

    Takes a name because the modules of tasks import the callers; a test compares the names.
    """
    wanted = enqueuer(task)
    if not any(callback is wanted for _, callback, *_ in connection.run_on_commit):
        transaction.on_commit(wanted)


@lru_cache
def enqueuer(task: str) -> Callable[[], None]:
    """Return a function that enqueues the task; always the same one, so that ``enqueue_on_commit`` recognizes it."""
    return lambda: enqueue(task)
