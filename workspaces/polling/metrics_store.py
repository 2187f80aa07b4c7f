"""Counts of what the console's processes do: each counts for itself, and adds that to one sum in Redis.

So whoever asks hears of all web processes and workers, on whatever machine. A Redis that was emptied counts from zero
again, as a counter may; while it is away, processes keep what they have counted. One that is killed loses the counts
of a few seconds.
"""

import atexit
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis
import structlog

from workspaces.polling import rate_limiter

# How often a process hands over what it has counted.
EVERY_SECONDS = 5.0
_KEY, _OF_WORKSPACES = "meters", "meters:workspaces"
_SEPARATOR, _SUM = "\x1f", "sum"
# A batch whose answer was lost is sent again, and counts once.
_REMEMBERED_SECONDS = 600
# What was not written here, in place of a hash or of a number, makes way.
_ADD = """
if redis.call('SET', KEYS[3], 1, 'NX', 'EX', ARGV[1]) then
  for i = 1, 2 do
    if redis.call('TYPE', KEYS[i]).ok ~= 'hash' then redis.call('DEL', KEYS[i]) end
  end
  for i = 2, #ARGV, 3 do
    local key, field, by = KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
    if type(redis.pcall('HINCRBYFLOAT', key, field, by)) == 'table' then redis.call('HSET', key, field, by) end
  end
end
"""
# All of a hash as one text: ten thousand short answers take redis-py longer to read than all the rest.
_ALL = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return '' end
return table.concat(redis.call('HGETALL', KEYS[1]), '\\n')
"""
logger = structlog.get_logger(__name__)

# A place is which of the two hashes (1 or 2) and the field in it.
_Places = dict[tuple[int, str], float]


@dataclass(frozen=True)
class RedisMetric:
    """A counter; with ``bounds`` a histogram of seconds, whose buckets end there.

    ``labels`` name what its counts are told apart by: few and known values, never what somebody sends.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Make it known to who tells of all."""
        _meters[self.name] = self

    def count(self, *values: str, by: float = 1) -> None:
        """Add to what is counted under ``values``, one for each label."""
        _add({(1, self._field(values)): by})

    def observe(self, seconds: float, *values: str) -> None:
        """Add one duration."""
        bucket = str(bisect_left(self.bounds, seconds))
        _add({(1, self._field(values, bucket)): 1, (1, self._field(values, _SUM)): seconds})

    def _field(self, values: tuple[str, ...], part: str = "") -> str:
        return _SEPARATOR.join((self.name, *values, part))


_meters: dict[str, RedisMetric] = {}


@dataclass(frozen=True)
class MetricValue:
    """What was counted under ``values``; of a histogram, ``buckets`` (the last beyond all bounds) and ``total``."""

    values: tuple[str, ...]
    total: float
    buckets: tuple[float, ...] = ()


def count_for_workspace(workspace: int, what: str, by: int) -> None:
    """Count something of a workspace, by its primary key."""
    _add({(2, f"{workspace}{_SEPARATOR}{what}"): by})


def read_metrics() -> Iterator[tuple[RedisMetric, list[MetricValue]]]:
    """Yield each meter with its counts. Raises redis.RedisError."""
    known: dict[str, dict[tuple[str, ...], dict[str, float]]] = {name: {} for name in _meters}
    for field, value in _numbers(_KEY):
        name, *rest = field.split(_SEPARATOR)
        if name in known and len(rest) == len(_meters[name].labels) + 1:
            known[name].setdefault(tuple(rest[:-1]), {})[rest[-1]] = value
    for name, meter in _meters.items():
        yield meter, [_count(meter, values, parts) for values, parts in sorted(known[name].items())]


def read_workspace_counts() -> Mapping[tuple[int, str], float]:
    """Return what was counted of workspaces: by primary key, and what. Raises redis.RedisError."""
    found = ((field.partition(_SEPARATOR), value) for field, value in _numbers(_OF_WORKSPACES))
    return {(int(pk), what): value for (pk, _, what), value in found if pk.isdecimal()}


def _count(meter: RedisMetric, values: tuple[str, ...], parts: Mapping[str, float]) -> MetricValue:
    if not meter.bounds:
        return MetricValue(values, parts.get("", 0.0))
    buckets = tuple(parts.get(str(place), 0.0) for place in range(len(meter.bounds) + 1))
    return MetricValue(values, parts.get(_SUM, 0.0), buckets)


def _numbers(key: str) -> Iterator[tuple[str, float]]:
    """Yield what is kept under ``key``; what was not written here is left out."""
    text: Any = rate_limiter.connection().register_script(_ALL)(keys=[key])
    words = text.decode(errors="replace").split("\n")
    for field, value in zip(words[::2], words[1::2], strict=False):
        try:
            yield field, float(value)
        except ValueError:
            continue


# --- handing over -------------------------------------------------------------------------------------------------

_lock = threading.Lock()
_counted: _Places = {}
_sending: tuple[str, _Places] | None = None
_begun = False


def _add(places: _Places) -> None:
    with _lock:
        for place, by in places.items():
            _counted[place] = _counted.get(place, 0.0) + by


def flush() -> None:
    """Hand over what this process has counted; what Redis does not take is kept for the next time."""
    global _counted, _sending  # noqa: PLW0603 - one of each a process
    with _lock:
        if _sending is None and _counted:
            _sending, _counted = (uuid4().hex, _counted), {}
        batch = _sending
    if batch is None:
        return
    name, places = batch
    arguments = [text for (key, field), by in places.items() for text in (key, field, repr(by))]
    try:
        script = rate_limiter.connection().register_script(_ADD)
        script(keys=[_KEY, _OF_WORKSPACES, f"{_KEY}:{name}"], args=[_REMEMBERED_SECONDS, *arguments])
    except redis.RedisError as error:
        logger.debug("meters_kept", error=type(error).__name__)
        return
    with _lock:
        _sending = None


def start() -> None:
    """Hand over every few seconds from now on, and when this process ends."""
    global _begun  # noqa: PLW0603 - one thread a process
    if not _begun:
        _begun = True
        threading.Thread(target=_run, name="meters", daemon=True).start()
        atexit.register(flush)


def _run() -> None:
    ended = threading.Event()
    while not ended.wait(EVERY_SECONDS):
        flush()


def _forget() -> None:
    """Begin anew in a forked process: what the first has counted it hands over itself."""
    global _lock, _counted, _sending, _begun
    _lock, _counted, _sending, _begun = threading.Lock(), {}, None, False


os.register_at_fork(after_in_child=_forget)
