"""The objects that the routes share, created once when the process starts."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sandbox.errors import ApiError

from .auth.authentication import Authenticator
from .auth.session_tokens import SessionTokens
from .data_dir import DataDir
from .db.store import Store
from .http.downloads import Downloads
from .http.faults import ActiveFaults
from .request_log import RequestLogWriter
from .settings import Settings

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

    def clear(self) -> None:
        """Forget every call, as a restart does."""
        self._windows = {}

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


@dataclass(slots=True)
class Limits:
    """Requests a minute, of an organization at an endpoint and of a key; 0 switches one off."""

    organization: int
    key: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of the start."""
        return cls(settings.org_limit, settings.key_limit)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    data_dir: DataDir
    store: Store
    tokens: SessionTokens
    authenticator: Authenticator
    request_log: RequestLogWriter
    limits: Limits
    windows: FixedWindowLimiter = field(default_factory=FixedWindowLimiter)
    downloads: Downloads = field(default_factory=Downloads)
    faults: ActiveFaults = field(default_factory=ActiveFaults)


def create_services(settings: Settings) -> Services:
    """Open the data directory and create the services on it."""
    data_dir = DataDir(settings.data_dir)
    store = Store(data_dir.database)
    tokens = SessionTokens(data_dir, settings)
    return Services(
        settings=settings,
        data_dir=data_dir,
        store=store,
        tokens=tokens,
        authenticator=Authenticator(store, tokens, settings),
        request_log=RequestLogWriter(store),
        limits=Limits.of(settings),
    )
