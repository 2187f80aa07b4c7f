"""Leases that end soon after their holder dies: they are short, and are extended while the work goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connection

# The work of a killed worker waits at most this long; a live worker gets five attempts to extend a lease.
SECONDS = 30
EXTEND_SECONDS = 5.0
logger = structlog.get_logger(__name__)


@contextmanager
def extend_periodically(extend: Callable[[], object]) -> Iterator[None]:
    """Call ``extend`` every few seconds, in a thread that ends with the block."""
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=[extend, ended], name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _keep(extend: Callable[[], object], ended: threading.Event) -> None:
    try:
        while not ended.wait(EXTEND_SECONDS):
            try:
                extend()
            except DatabaseError as error:  # retried; if the lease expires, another worker takes over
                logger.warning("lease_not_extended", error=type(error).__name__)
    finally:
        connection.close()
