"""Estimates how much of upstream's rate limit is left in the current window of 60 seconds, per endpoint."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from django.conf import settings

from core import clock
from workspaces.models import Workspace
from workspaces.polling import rate_limiter
from workspaces.polling.registry import all_resources

# Implemented by an app that sees the customer's own traffic: returns the requests per endpoint since a time.
TrafficCounter = Callable[[Workspace, datetime], dict[str, int]]
_counters: list[TrafficCounter] = []


def count_traffic_with(counter: TrafficCounter) -> None:
    """Register ``counter`` for the customer's own traffic."""
    if counter not in _counters:
        _counters.append(counter)


@dataclass(frozen=True)
class EndpointQuota:
    """One endpoint in this window: calls by the console, requests by the customer, and the limit."""

    endpoint: str
    by_console: int
    by_customer: int
    limit: int

    @property
    def used(self) -> int:
        """Return the number of known calls in the window."""
        return self.by_console + self.by_customer

    @property
    def left(self) -> int:
        """Return how many calls are left, if there were no others than the known ones."""
        return max(0, self.limit - self.used)


def seconds_to_reset(now: float | None = None) -> int:
    """Return the seconds until the next window, at a full minute; upstream's is the same if the clocks agree."""
    now = clock.cached_now().timestamp() if now is None else now
    return rate_limiter.WINDOW_SECONDS - int(now) % rate_limiter.WINDOW_SECONDS


def endpoint_quotas(workspace: Workspace, now: float | None = None) -> list[EndpointQuota] | None:
    """Return the quota of each endpoint that was or will be called; None if Redis is unreachable."""
    now = clock.cached_now().timestamp() if now is None else now
    theirs = _by_customer(workspace, now)
    ours = {resource.endpoint for resource in all_resources()}
    try:
        used = rate_limiter.calls_used(workspace.rate_limited_as, ours, now=now)
    except redis.RedisError:
        return None
    limit = settings.RATE_LIMIT_PER_MINUTE
    return [
        EndpointQuota(endpoint, used.get(endpoint, 0), theirs.get(endpoint, 0), limit)
        for endpoint in sorted(ours | theirs.keys())
    ]


def _by_customer(workspace: Workspace, now: float) -> dict[str, int]:
    since = datetime.fromtimestamp(now // rate_limiter.WINDOW_SECONDS * rate_limiter.WINDOW_SECONDS, UTC)
    found: dict[str, int] = {}
    counts: Iterable[dict[str, int]] = (counter(workspace, since) for counter in _counters)
    for count in counts:
        for endpoint, number in count.items():
            found[endpoint] = found.get(endpoint, 0) + number
    return found
