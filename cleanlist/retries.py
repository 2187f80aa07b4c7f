"""Which calls are tried again, when, and for how long."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import stamina

from cleanlist.calls import Call
from cleanlist.errors import CleanlistError, RateLimited, UpstreamUnavailable
from cleanlist.timeouts import Deadline


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call that changes nothing is sent again, with pauses in seconds.

    Pauses double from `first_pause` to `longest_pause`, with jitter. A longer `Retry-After` is honoured up to
    `retry_after_ceiling`; beyond it the error is raised at once, for its caller to come back later.
    """

    count: int = 2
    first_pause: float = 0.25
    longest_pause: float = 4.0
    retry_after_ceiling: float = 10.0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("The number of retries cannot be negative")


class Attempts(Protocol):
    """Context managers, one for each attempt, in a plain or an async loop."""

    def __iter__(self) -> Iterator[AbstractContextManager[None]]: ...
    def __aiter__(self) -> AsyncIterator[AbstractContextManager[None]]: ...


def attempts(retries: Retries, call: Call[Any], deadline: Deadline) -> Attempts:
    """Return the attempts that a call gets: one for a command, more for a call that changes nothing."""
    most = retries.count + 1 if call.idempotent else 1
    return stamina.retry_context(on=_pauses(retries, deadline), attempts=most, timeout=None)


def _pauses(retries: Retries, deadline: Deadline) -> Callable[[Exception], bool | float]:
    tries = itertools.count()

    def pause_after(error: Exception) -> bool | float:
        longest = min(retries.first_pause * 2 ** next(tries), retries.longest_pause)
        if not isinstance(error, CleanlistError) or not _worth_retrying(error):
            return False
        told = error.retry_after or 0.0
        pause = max(told, random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret
        if told > retries.retry_after_ceiling or pause >= deadline.remaining():
            return False
        return pause

    return pause_after


def _worth_retrying(error: CleanlistError) -> bool:
    return isinstance(error, UpstreamUnavailable | RateLimited) or error.status == 408
