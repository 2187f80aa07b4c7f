"""Retries with backoff."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import stamina

from cleanlist.calls import Call
from cleanlist.errors import CleanlistError, RateLimited, UpstreamUnavailable
from cleanlist.timeouts import Deadline


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call that changes nothing is retried, with pauses in seconds.

    Pauses double from `first_pause` to `longest_pause`, with jitter. A longer `Retry-After` is honoured up to
    `retry_after_ceiling`; beyond it the error is raised at once, and the caller may try later.
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


def retry_attempts(retries: Retries, call: Call[object], deadline: Deadline) -> Attempts:
    """Return the attempts of a call: one for a command, more for a call that changes nothing."""
    limit = retries.count + 1 if call.idempotent else 1
    return stamina.retry_context(on=_backoff(retries, deadline), attempts=limit, timeout=None)


def _backoff(retries: Retries, deadline: Deadline) -> Callable[[Exception], bool | float]:
    attempt_numbers = itertools.count()

    def backoff_after(error: Exception) -> bool | float:
        ceiling = min(retries.first_pause * 2 ** next(attempt_numbers), retries.longest_pause)
        if not isinstance(error, CleanlistError) or not _worth_retrying(error):
            return False
        retry_after = error.retry_after or 0.0
        pause = max(retry_after, random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter, not a secret
        if retry_after > retries.retry_after_ceiling or pause >= deadline.remaining():
            return False
        return pause

    return backoff_after


def _worth_retrying(error: CleanlistError) -> bool:
    return isinstance(error, UpstreamUnavailable | RateLimited) or error.status == 408
