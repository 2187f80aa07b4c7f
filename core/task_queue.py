"""Having a worker look now at what waits in the database, and not only at the clock's next tick."""

from collections.abc import Callable
from functools import lru_cache

import structlog
from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)


def enqueue(task: str) -> None:
    """Have the task of this name run now. Without a broker nothing is lost: the clock starts it every few seconds."""
    try:
        current_app.signature(task).apply_async(retry=False, ignore_result=True)
    except OperationalError as error:
        logger.warning("broker_unreachable", error=str(error))


def enqueue_on_commit(task: str) -> None:
    """Have the task of this name run as soon as what was written is committed; once for all of a transaction.

    By its name, because tasks import what asks for them.
    """
    nudger = enqueuer(task)
    if not any(callback is nudger for _, callback, *_ in connection.run_on_commit):
        transaction.on_commit(nudger)


@lru_cache
def enqueuer(task: str) -> Callable[[], None]:
    """Return the one function that nudges the task of this name."""
    return lambda: enqueue(task)
