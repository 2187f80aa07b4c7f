"""Answers that are asked for more often than they change."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")
# How long an answer counts that may be another in a moment.
DOUBTFUL_SECONDS = 1.0


class Cached(Generic[T]):
    """The last answer to a question that is asked at most once in ``seconds``, by one thread at a time.

    ``doubtful`` answers say that something was away, so they count for a second, or for less where all do.
    """

    def __init__(self, question: Callable[[], T], seconds: float, doubtful: Collection[T] = ()) -> None:
        self._question = question
        self._seconds = seconds
        self._doubtful = doubtful
        self._asking = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Ask again next time."""
        self._answer: T | None = None
        self._good_until = 0.0

    def __call__(self) -> T:
        """Return the answer, asked for again if it is too old."""
        answer = self._answer
        # While one thread asks, the others go on with the last answer; only the first one is waited for.
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
