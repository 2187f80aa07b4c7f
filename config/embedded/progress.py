"""Says what the start of the embedded set is doing, and how long each step took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from config.embedded.processes import print_line


class Progress:
    """Prints a plain line when a step begins and when it is done, which reads well in a terminal and in a log."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how many seconds have passed since the start."""
        return time.monotonic() - self._started

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Print ``doing``, and when the block ends without an error ``done`` with the seconds that it took."""
        self._step += 1
        place, begun = f"[{self._step}/{self._steps}]", time.monotonic()
        print_line("console", f"{place} {doing}")
        yield
        print_line("console", f"{place} {done} ({time.monotonic() - begun:.1f} s)")
