"""Leases that last as long as their holder lives and works: short, and extended while the work takes longer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connection

# A worker that was killed holds up its work for so long at most, and one that lives has five tries to extend a lease.
SECONDS = 30
EXTEND_SECONDS = 5.0
logger = structlog.get_logger(__name__)


@contextmanager
def extend_periodically(extend: Callable[[], object]) -> Iterator[None]:
    """Have ``extend`` called every few seconds, in a thread that ends with the block."""
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
            except DatabaseError as error:  # tried again; should it run out, another worker goes on
                logger.warning("lease_not_extended", error=type(error).__name__)
    finally:
        connection.close()
