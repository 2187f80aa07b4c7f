"""Timeouts of a call, and the deadline that they have in common."""

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one call, in seconds.

    `connect` and `read` bound one connection attempt and one wait for data; `total` bounds the whole call
    with all its retries and pauses. Raises `ValueError` for a limit that is not positive.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0

    def __post_init__(self) -> None:
        for name in ("connect", "read", "total"):
            if not getattr(self, name) > 0:
                raise ValueError(f"The {name} timeout must be more than 0 seconds")


class Deadline:
    """The time at which a call that starts now runs out of total time."""

    __slots__ = ("_ends", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._ends = time.monotonic() + timeouts.total

    def remaining(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self._ends - time.monotonic())

    def passed(self) -> bool:
        return self.remaining() == 0.0

    def httpx_timeouts(self) -> dict[str, float]:
        """Return the timeouts of an attempt that starts now, in the form of httpx's `timeout` extension."""
        connect, read = DeadlineTimeout(self.timeouts.connect, self), DeadlineTimeout(self.timeouts.read, self)
        return {"connect": connect, "read": read, "write": read, "pool": connect}


class DeadlineTimeout(float):
    """The timeout of one wait, with the common deadline of all waits of a call."""

    deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> Self:
        """Return the shorter of the two limits."""
        limit = super().__new__(cls, min(seconds, max(deadline.remaining(), 0.001)))
        limit.deadline = deadline
        return limit
