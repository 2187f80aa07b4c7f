"""Rate limits: fixed 60-second windows, counted in memory."""

import math
import time
from collections.abc import Callable

from sandbox.errors import ApiError

WINDOW_SECONDS = 60
PRUNE_ABOVE = 10_000


class FixedWindowLimiter:
    """Counts calls per key; a window starts with its first call and lasts 60 seconds.

    Used from the event loop only, so it needs no lock. A restart resets the counts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, ...], tuple[float, int]] = {}

    def acquire(self, key: tuple[str, ...], limit: int) -> None:
        """Count one call; 0 as `limit` disables it. Raises a 429 `ApiError` with the seconds to wait."""
        if limit == 0:
            return
        now = self._clock()
        started, count = self._windows.get(key, (now, 0))
        if now - started >= WINDOW_SECONDS:
            started, count = now, 0
        self._windows[key] = (started, count + 1)
        if count >= limit:
            raise _rate_limited(limit, math.ceil(started + WINDOW_SECONDS - now))
        if len(self._windows) > PRUNE_ABOVE:
            self._prune(now)

    def _prune(self, now: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if now - window[0] < WINDOW_SECONDS}


def _rate_limited(limit: int, seconds: int) -> ApiError:
    return ApiError(
        429,
        "rate_limited",
        f"Rate limit exceeded: {limit} requests per minute.",
        f"Wait {seconds} seconds (see Retry-After), then back off exponentially with jitter.",
        retry_after=seconds,
    )
