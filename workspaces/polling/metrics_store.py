"""Metrics of the console's processes: each process counts for itself and adds its counts to totals in Redis.

So the totals include all web processes and workers on all machines. If Redis is emptied, they restart from zero, as
counters may; while it is down, processes keep their counts. A process that is killed loses a few seconds of counts.
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

# How often a process sends its counts to Redis.
EVERY_SECONDS = 5.0
_KEY, _OF_WORKSPACES = "meters", "meters:workspaces"
_SEPARATOR, _SUM = "\x1f", "sum"
# A batch that Redis did not confirm is sent again. Its id is remembered for this long, so that it counts only once.
_REMEMBERED_SECONDS = 600
# Foreign values are replaced: keys that are no hashes, fields that are no numbers.
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
# Returns a whole hash as one string: redis-py is slow at parsing ten thousand short replies.
_ALL = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return '' end
return table.concat(redis.call('HGETALL', KEYS[1]), '\\n')
"""
logger = structlog.get_logger(__name__)

# Counts by hash (1 or 2, as in the keys of _ADD) and field.
_Places = dict[tuple[int, str], float]


@dataclass(frozen=True)
class RedisMetric:
    """A counter; with ``bounds``, the upper bounds of its buckets, a histogram of seconds.

    The values of ``labels`` must be few and known, never user input.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Register it for ``read_metrics``."""
        _meters[self.name] = self

    def count(self, *values: str, by: float = 1) -> None:
        """Increase the counter with these label values."""
        _add({(1, self._field(values)): by})

    def observe(self, seconds: float, *values: str) -> None:
        """Add one duration to the histogram."""
        bucket = str(bisect_left(self.bounds, seconds))
        _add({(1, self._field(values, bucket)): 1, (1, self._field(values, _SUM)): seconds})

    def _field(self, values: tuple[str, ...], part: str = "") -> str:
        return _SEPARATOR.join((self.name, *values, part))


_meters: dict[str, RedisMetric] = {}


@dataclass(frozen=True)
class MetricValue:
    """The total of a metric for some label values. The last of a histogram's ``buckets`` has no upper bound."""

    values: tuple[str, ...]
    total: float
    buckets: tuple[float, ...] = ()


def count_for_workspace(workspace: int, what: str, by: int) -> None:
    """Increase the count ``what`` of the workspace with this primary key."""
    _add({(2, f"{workspace}{_SEPARATOR}{what}"): by})


def read_metrics() -> Iterator[tuple[RedisMetric, list[MetricValue]]]:
    """Yield each metric with its values. Raises redis.RedisError."""
    known: dict[str, dict[tuple[str, ...], dict[str, float]]] = {name: {} for name in _meters}
    for field, value in _numbers(_KEY):
        name, *rest = field.split(_SEPARATOR)
        if name in known and len(rest) == len(_meters[name].labels) + 1:
            known[name].setdefault(tuple(rest[:-1]), {})[rest[-1]] = value
    for name, meter in _meters.items():
        yield meter, [_count(meter, values, parts) for values, parts in sorted(known[name].items())]


def read_workspace_counts() -> Mapping[tuple[int, str], float]:
    """Return the counts of workspaces by (primary key, what). Raises redis.RedisError."""
    found = ((field.partition(_SEPARATOR), value) for field, value in _numbers(_OF_WORKSPACES))
    return {(int(pk), what): value for (pk, _, what), value in found if pk.isdecimal()}


def _count(meter: RedisMetric, values: tuple[str, ...], parts: Mapping[str, float]) -> MetricValue:
    if not meter.bounds:
        return MetricValue(values, parts.get("", 0.0))
    buckets = tuple(parts.get(str(place), 0.0) for place in range(len(meter.bounds) + 1))
    return MetricValue(values, parts.get(_SUM, 0.0), buckets)


def _numbers(key: str) -> Iterator[tuple[str, float]]:
    """Yield the fields of the hash at ``key``, without foreign values."""
    text: Any = rate_limiter.connection().register_script(_ALL)(keys=[key])
    words = text.decode(errors="replace").split("\n")
    for field, value in zip(words[::2], words[1::2], strict=False):
        try:
            yield field, float(value)
        except ValueError:
            continue


# --- sending counts to Redis --------------------------------------------------------------------------------------

_lock = threading.Lock()
_counted: _Places = {}
_sending: tuple[str, _Places] | None = None
_begun = False


def _add(places: _Places) -> None:
    with _lock:
        for place, by in places.items():
            _counted[place] = _counted.get(place, 0.0) + by


def flush() -> None:
    """Send the counts of this process to Redis; if that fails, keep them for the next time."""
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
    """Flush every few seconds from now on, and when this process exits."""
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
    """Start from zero in a forked process: the parent sends its counts itself."""
    global _lock, _counted, _sending, _begun
    _lock, _counted, _sending, _begun = threading.Lock(), {}, None, False


os.register_at_fork(after_in_child=_forget)
