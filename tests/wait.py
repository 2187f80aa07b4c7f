"""Waiting for a condition instead of sleeping for a while, and what nobody waits for."""

import os
import time
from contextlib import contextmanager


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@contextmanager
def closed_pipe():
    """A pipe whose reader has gone away, as `head` does once it has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        yield pipe
