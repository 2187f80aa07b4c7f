"""Keeps the console's own calls within a set share of the organization's rate limit, across all workers.

Upstream counts requests per organization and endpoint in windows of 60 seconds whose beginning it does not tell
(``docs/cleanlist-api.md``, "Rate limits"). So the rate limiter remembers in Redis when calls were made, by
Redis's clock, and lets no stretch of 60 seconds hold more than the share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import redis
import structlog
from django.conf import settings

from core import clock

WINDOW_SECONDS = 60
# Calls reach upstream a moment after they were counted, and not each equally late. Those that took longer than this
# are counted anew.
MARGIN_SECONDS = 2
_WINDOW_MS = 1000 * (WINDOW_SECONDS + MARGIN_SECONDS)
_LONGEST_TIME = 20  # digits
# An organization and an endpoint of it.
Call = tuple[str, str]
# For each key (a list of times) in turn: counts a call now and answers 0, or the milliseconds to wait. Those that wait
# are told different moments, each when one more call will have left the window. What now was comes last. The second key
# of an endpoint is made up here, which Redis Cluster would not have; Celery does not work with that anyway. What is no
# time of the window, or no list, was not written here: it is dropped when its turn comes, and stops nothing.
_TAKE = """
local now, window, forced = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function in_window(text)
  local moment = tonumber(text)
  return moment and moment > now - window and moment <= now + window and moment or nil
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
# For each endpoint in turn (of which there are ARGV[2], each with its share): how many calls the organization with the
# fewest has left, and how many organizations have none. Changes nothing.
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
    """The seconds that each call must wait, 0 for those that were counted, and the moment by Redis's clock, in ms."""

    waits: list[float]
    moment: int = 0


def connection() -> redis.Redis:
    """Return a client on this process's pool of connections to REDIS_URL."""
    global _pool  # noqa: PLW0603 - one pool a process, made when first needed
    if _pool is None:
        seconds = settings.REDIS_SECONDS
        _pool = redis.ConnectionPool.from_url(
            settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds
        )
    return redis.Redis(connection_pool=_pool)


def share(per_minute: int | None = None) -> int:
    """Return how many calls a minute and endpoint the console allows itself; at least one.

    ``per_minute`` is a lower limit of upstream's that concerns these calls as well.
    """
    limit = min(settings.RATE_LIMIT_PER_MINUTE, per_minute or settings.RATE_LIMIT_PER_MINUTE)
    return max(1, limit * settings.RATE_LIMIT_SHARE_PERCENT // 100)


def acquire(calls: Sequence[Call], limits: Sequence[int | None] = (), *, now: float | None = None) -> Grant:
    """Count background calls, in order, as far as there is room for them; ``limits`` are those of ``share`` for each.

    Raises redis.RedisError when Redis cannot be reached: without the count there is no background call.
    """
    return _take(calls, now, limits)


def record(calls: Sequence[Call]) -> Grant:
    """Count calls that a person asked for: they are never held back, but background calls make room for them."""
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
    *waits, moment = client.register_script(_TAKE)(keys=[_key(*call) for call in calls], args=arguments)
    return Grant([wait / 1000 for wait in waits], moment)


def recount(calls: Iterable[tuple[Call, int]]) -> None:
    """Count calls, each with the moment at which it was taken, as made now: only now they have surely been made."""
    keys, moments = [], []
    for call, moment in calls:
        keys.append(_key(*call))
        moments.append(moment)
    try:
        connection().register_script(_COUNT_ANEW)(keys=keys, args=[_WINDOW_MS, *moments])
    except redis.RedisError as error:
        logger.warning("pacer_unreachable", error=str(error))


def block(organization: str, endpoint: str, seconds: float) -> None:
    """Hold all background calls back for ``seconds``, because upstream said so. Raises redis.RedisError."""
    connection().set(f"{_key(organization, endpoint)}:closed", 1, px=max(1, round(seconds * 1000)))


def calls_used(organization: str, endpoints: Iterable[str], *, now: float | None = None) -> dict[str, int]:
    """Return how many calls to each endpoint were counted since the minute began. Raises redis.RedisError."""
    moment = clock.cached_now().timestamp() if now is None else now
    began = moment // WINDOW_SECONDS * WINDOW_SECONDS
    names = sorted(endpoints)
    with connection().pipeline(transaction=False) as pipe:
        for name in names:
            pipe.lrange(_key(organization, name), 0, -1)
        made = pipe.execute()
    return {
        name: sum(began <= _seconds(time_) <= moment + 1 for time_ in times)
        for name, times in zip(names, made, strict=True)
    }


@dataclass(frozen=True)
class RemainingCalls:
    """What the share of the rate limit leaves for background calls to one endpoint now, over organizations."""

    fewest: int
    exhausted: int


def remaining_calls(organizations: Sequence[str], shares: Mapping[str, int]) -> dict[str, RemainingCalls]:
    """Return for each endpoint how many calls are left where fewest are, and how many organizations have none left.

    ``shares`` are those of the endpoints. Raises redis.RedisError.
    """
    if not organizations:
        return {}
    named = [text for endpoint, most in shares.items() for text in (endpoint, most)]
    # As one text: a thousand short ones take redis-py longer to send than Redis to count.
    arguments = [_WINDOW_MS, "\n".join(organizations), *named]
    found: list[int] = connection().register_script(_ROOM)(args=arguments)
    return {endpoint: RemainingCalls(*found[2 * place : 2 * place + 2]) for place, endpoint in enumerate(shares)}


def _seconds(text: bytes) -> float:
    """Return the time that is kept as ``text``; 0 for what was not written here."""
    return int(text) / 1000 if text.isdigit() and len(text) < _LONGEST_TIME else 0


def _key(organization: str, endpoint: str) -> str:
    return f"pacer:{organization}:{endpoint}"
