"""Keeps the console's own calls within a share of the organization's rate limit, across all workers.

Upstream counts requests per organization and endpoint in windows of 60 seconds, and does not say when they begin
(``docs/cleanlist-api.md``, "Rate limits"). So the rate limiter stores the times of calls in Redis, by Redis's clock,
and allows no more calls than the share in any 60 seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import redis
import structlog
from django.conf import settings

from core import clock

WINDOW_SECONDS = 60
# Calls reach upstream some time after they are counted, and that delay varies. Calls that took longer than this are
# counted again.
MARGIN_SECONDS = 2
_WINDOW_MS = 1000 * (WINDOW_SECONDS + MARGIN_SECONDS)
_LONGEST_TIME = 20  # digits
# An organization and one of its endpoints.
Call = tuple[str, str]
# For each key (a list of times) in turn: counts a call now and returns 0, or returns the milliseconds to wait. Calls
# that must wait get different times, one for each call that leaves the window. The last value returned is Redis's time.
# The ":closed" key is computed in the script, which Redis Cluster does not allow; Celery does not support it anyway.
# Foreign values (no list, or no time within the window) are dropped when they are reached, and block nothing.
_TAKE = """
local now, window, forced = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function in_window(text)
  local time = tonumber(text)
  return time and time > now - window and time <= now + window and time or nil
end
local waits, waiting = {}, {}
for i, key in ipairs(KEYS) do
  local share = tonumber(ARGV[i + 3])
  if redis.call('TYPE', key).ok ~= 'list' then redis.call('DEL', key) end
  local first = redis.call('LINDEX', key, 0)
  while first and not in_window(first) do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  local made, closed = redis.call('LLEN', key), redis.call('PTTL', key .. ':closed')
  if forced or (closed <= 0 and made < share) then
    redis.call('RPUSH', key, now)
    redis.call('PEXPIRE', key, window)
    waits[i] = 0
  else
    local before = waiting[key] or 0
    waiting[key] = before + 1
    local place = math.min(made - 1, made - share + before % share)
    local leaves = place < 0 and now or (in_window(redis.call('LINDEX', key, place)) or now) + window
    waits[i] = math.max(1, closed, leaves + math.floor(before / share) * window - now)
  end
end
waits[#KEYS + 1] = now
return waits
"""
_COUNT_ANEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('LREM', key, 1, ARGV[i + 1])
  redis.call('RPUSH', key, now)
  redis.call('PEXPIRE', key, ARGV[1])
end
"""
# For each endpoint in turn: how many calls the organization with the fewest has left, and how many organizations have
# none. ARGV holds the window, the organizations as lines, then endpoints and their shares in turn. Only reads.
_ROOM = """
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local found = {}
for e = 3, #ARGV, 2 do
  local endpoint, share, fewest, exhausted = ARGV[e], tonumber(ARGV[e + 1]), nil, 0
  for organization in ARGV[2]:gmatch('[^\\n]+') do
    local key = 'pacer:' .. organization .. ':' .. endpoint
    local made, times = 0, redis.pcall('LRANGE', key, 0, -1)
    for _, text in ipairs(times) do
      if (tonumber(text) or 0) > oldest then made = made + 1 end
    end
    local left = redis.call('EXISTS', key .. ':closed') == 1 and 0 or math.max(0, share - made)
    if left == 0 then exhausted = exhausted + 1 end
    if not fewest or left < fewest then fewest = left end
  end
  found[#found + 1] = fewest
  found[#found + 1] = exhausted
end
return found
"""
logger = structlog.get_logger(__name__)
_pool: redis.ConnectionPool | None = None


@dataclass(frozen=True)
class Grant:
    """The seconds that each call must wait, 0 if it was counted, and the time of counting in ms by Redis's clock."""

    waits: list[float]
    taken_at: int = 0


def connection() -> redis.Redis:
    """Return a client that uses this process's connection pool for REDIS_URL."""
    global _pool  # noqa: PLW0603 - one pool a process, made when first needed
    if _pool is None:
        seconds = settings.REDIS_SECONDS
        _pool = redis.ConnectionPool.from_url(
            settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds
        )
    return redis.Redis(connection_pool=_pool)


def share(per_minute: int | None = None) -> int:
    """Return how many calls per minute and endpoint the console may make; at least one.

    ``per_minute`` is a lower upstream limit for these calls.
    """
    limit = min(settings.RATE_LIMIT_PER_MINUTE, per_minute or settings.RATE_LIMIT_PER_MINUTE)
    return max(1, limit * settings.RATE_LIMIT_SHARE_PERCENT // 100)


def acquire(calls: Sequence[Call], limits: Sequence[int | None] = (), *, now: float | None = None) -> Grant:
    """Count background calls, in order, while there is room; ``limits`` holds ``per_minute`` of ``share`` for each.

    Raises redis.RedisError if Redis is unreachable, because background calls must not go uncounted.
    """
    return _take(calls, now, limits)


def record(calls: Sequence[Call]) -> Grant:
    """Count calls that a person asked for. They never wait, but leave less room for background calls."""
    try:
        return _take(calls, None, forced=True)
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))
        return Grant([0.0] * len(calls))


def _take(
    calls: Sequence[Call], now: float | None, limits: Sequence[int | None] = (), *, forced: bool = False
) -> Grant:
    if not calls:
        return Grant([])
    client = connection()
    arguments = [round((now or 0) * 1000), _WINDOW_MS, int(forced), *map(share, limits or [None] * len(calls))]
    *waits, taken_at = client.register_script(_TAKE)(keys=[_key(*call) for call in calls], args=arguments)
    return Grant([wait / 1000 for wait in waits], taken_at)


def recount(calls: Iterable[tuple[Call, int]]) -> None:
    """Move calls, each with the time it was counted at, to the present: only now have they surely reached upstream."""
    keys, times = [], []
    for call, taken_at in calls:
        keys.append(_key(*call))
        times.append(taken_at)
    try:
        connection().register_script(_COUNT_ANEW)(keys=keys, args=[_WINDOW_MS, *times])
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))


def block(organization: str, endpoint: str, seconds: float) -> None:
    """Hold all background calls to the endpoint for ``seconds``, as upstream asked. Raises redis.RedisError."""
    connection().set(f"{_key(organization, endpoint)}:closed", 1, px=max(1, round(seconds * 1000)))


def calls_used(organization: str, endpoints: Iterable[str], *, now: float | None = None) -> dict[str, int]:
    """Return how many calls to each endpoint were counted in the current minute. Raises redis.RedisError."""
    now = clock.cached_now().timestamp() if now is None else now
    began = now // WINDOW_SECONDS * WINDOW_SECONDS
    names = sorted(endpoints)
    with connection().pipeline(transaction=False) as pipe:
        for name in names:
            pipe.lrange(_key(organization, name), 0, -1)
        made = pipe.execute()
    return {
        name: sum(began <= _seconds(time_) <= now + 1 for time_ in times)
        for name, times in zip(names, made, strict=True)
    }


@dataclass(frozen=True)
class RemainingCalls:
    """Background calls left for an endpoint: the fewest of any organization, and how many organizations have none."""

    fewest: int
    exhausted: int


def remaining_calls(organizations: Sequence[str], shares: Mapping[str, int]) -> dict[str, RemainingCalls]:
    """Return the remaining background calls for each endpoint in ``shares``, which maps endpoints to their shares.

    Raises redis.RedisError.
    """
    if not organizations:
        return {}
    named = [text for endpoint, most in shares.items() for text in (endpoint, most)]
    # Sent as one string: redis-py takes longer to send a thousand short ones than Redis to count.
    arguments = [_WINDOW_MS, "\n".join(organizations), *named]
    found: list[int] = connection().register_script(_ROOM)(args=arguments)
    return {endpoint: RemainingCalls(*found[2 * place : 2 * place + 2]) for place, endpoint in enumerate(shares)}


def _seconds(text: bytes) -> float:
    """Return the stored time in seconds; 0 for a foreign value."""
    return int(text) / 1000 if text.isdigit() and len(text) < _LONGEST_TIME else 0


def _key(organization: str, endpoint: str) -> str:
    return f"pacer:{organization}:{endpoint}"
