"""Keeps the console's own calls within a set share of the organization's rate limit, across all workers.

Upstream counts requests per organization and endpoint in fixed windows of 60 seconds
(``shared/reference/cleanlist-api.md``, "Rate limits"); so does the pacer, in Redis.
"""

import time
from collections.abc import Iterable

import redis
import structlog
from django.conf import settings

WINDOW_SECONDS = 60
logger = structlog.get_logger(__name__)
_pool: redis.ConnectionPool | None = None


def connection() -> redis.Redis:
    """Return a client on this process's pool of connections to REDIS_URL."""
    global _pool  # noqa: PLW0603 - one pool a process, made when first needed
    if _pool is None:
        _pool = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    return redis.Redis(connection_pool=_pool)


def share() -> int:
    """Return how many calls a minute and endpoint the console allows itself; at least one."""
    return max(1, settings.RATE_LIMIT_PER_MINUTE * settings.RATE_LIMIT_SHARE_PERCENT // 100)


def take(organization: str, endpoint: str, *, now: float | None = None) -> float:
    """Count one background call. Return 0, or the seconds to wait until a window has room again.

    Raises redis.RedisError when Redis cannot be reached: without the count there is no background call.
    """
    moment = time.time() if now is None else now
    window = int(moment // WINDOW_SECONDS)
    key = f"pacer:{organization}:{endpoint}:{window}"
    with connection().pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.expire(key, 2 * WINDOW_SECONDS)
        used = int(pipe.execute()[0])
    return 0.0 if used <= share() else (window + 1) * WINDOW_SECONDS - moment


def used(organization: str, endpoints: Iterable[str], *, now: float | None = None) -> dict[str, int]:
    """Return how many calls to each endpoint were counted in the current window, held back ones left out.

    Raises redis.RedisError.
    """
    window = int((time.time() if now is None else now) // WINDOW_SECONDS)
    names = sorted(endpoints)
    counted = connection().mget([f"pacer:{organization}:{name}:{window}" for name in names])
    # The counter goes on past the share for calls that had to wait.
    return {name: min(int(count or 0), share()) for name, count in zip(names, counted, strict=True)}


def note(organization: str, endpoint: str) -> None:
    """Count a call that a person asked for: it is never held back, but background calls make room for it."""
    try:
        take(organization, endpoint)
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))
