"""A cache for checks that are requested more often than their results change."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")
# How long to cache a value that may change soon.
DOUBTFUL_SECONDS = 1.0


class Cached(Generic[T]):
    """The last result of a function that is called at most once in ``seconds``, by one thread at a time.

    ``doubtful`` results mean an outage, so they are cached for at most a second.
    """

    def __init__(self, question: Callable[[], T], seconds: float, doubtful: Collection[T] = ()) -> None:
        self._question = question
        self._seconds = seconds
        self._doubtful = doubtful
        self._asking = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Make the next call call the function again."""
        self._answer: T | None = None
        self._good_until = 0.0

    def __call__(self) -> T:
        """Return the cached result, refreshed if it is too old."""
        answer = self._answer
        # While one thread refreshes, the others use the last result; they wait only for the first one.
        if time.monotonic() >= self._good_until and self._asking.acquire(blocking=answer is None):
            try:
                answer = self._ask()
            finally:
                self._asking.release()
        assert answer is not None  # noqa: S101 - without one, the lock was waited for
        return answer

    def _ask(self) -> T:
        if self._answer is None or time.monotonic() >= self._good_until:
            self._answer = self._question()
            is_doubtful = self._answer in self._doubtful
            self._good_until = time.monotonic() + (
                min(DOUBTFUL_SECONDS, self._seconds) if is_doubtful else self._seconds
            )
        return self._answer
