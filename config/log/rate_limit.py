"""Limits messages that would flood the log during an outage to one line a minute, with the number of dropped lines."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import redis
from django.db import DatabaseError, InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

EVERY_SECONDS = 60.0
# Our events that occur once per failed item.
_COUNTED = {"poll_failed": "upstream", "heartbeat_not_written": "database"}
_REDIS_EVENTS = {"pacer_unreachable", "broker_unreachable"}
_REDIS_TEXTS = (
    "onnection to broker lost",
    "Cannot connect to",
    "Connection error",
    "Trying again",
    "BRPOP got no reply",
)
# PostgreSQL's SQLSTATEs for connections, a server that stops or is full, and read-only transactions.
_STATES = ("08", "57P", "53", "25006")
_SQLITE_TEXTS = ("readonly", "disk", "unable to open")
# Request lines are never dropped: they show who requested what.
_COMPLETE = "django_structlog"


@dataclass
class _LineCount:
    next_at: float = 0.0
    left_out: int = 0


@dataclass
class LogRateLimiter:
    """Decides which records are written; one instance per process."""

    _seen: dict[object, _LineCount] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reduce(self, record: logging.LogRecord) -> logging.LogRecord | None:
        """Return the record to write, perhaps shortened, or None if a similar one was just written."""
        error = _exception(record)
        what = _outage_of(record, error)
        key = what or _repetition_key(record, error)
        if key is None:
            return record
        left_out = self._take(key)
        if left_out is None:
            return None
        if what and _event_name(record) not in _COUNTED:
            return _one_line(record, what, error, left_out)
        return _with_count(record, left_out) if left_out else record

    def _take(self, key: object) -> int | None:
        """Return how many lines were dropped since the last one, or None if it is too early for the next."""
        now = time.monotonic()
        with self._lock:
            seen = self._seen.setdefault(key, _LineCount())
            if now < seen.next_at:
                seen.left_out += 1
                return None
            left_out, seen.left_out, seen.next_at = seen.left_out, 0, now + EVERY_SECONDS
            return left_out


def unavailable_service(error: BaseException | None) -> str:
    """Return "redis" or "database" if ``error`` means that it does not respond or accept data, else ""."""
    for one in _causes(error):
        if isinstance(one, redis.ConnectionError | redis.TimeoutError | BrokerError):
            return "redis"
        if isinstance(one, DatabaseError) and _is_outage(one):
            return "database"
        if isinstance(one, InterfaceError):
            return "database"
    return ""


def _is_outage(error: DatabaseError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_STATES)
    if type(error.__cause__).__module__.startswith("psycopg"):  # no response from a server
        return isinstance(error, OperationalError)
    return any(text in str(error) for text in _SQLITE_TEXTS)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _event_name(record: logging.LogRecord) -> str:
    return str(record.msg.get("event", "")) if isinstance(record.msg, dict) else ""


def _exception(record: logging.LogRecord) -> BaseException | None:
    given: object = record.msg.get("exc_info") if isinstance(record.msg, dict) else record.exc_info
    found: object = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    return found if isinstance(found, BaseException) else None


def _outage_of(record: logging.LogRecord, error: BaseException | None) -> str:
    if record.name.startswith(_COMPLETE):
        return ""
    event = _event_name(record)
    if event in _COUNTED:
        return _COUNTED[event]
    if event in _REDIS_EVENTS:
        return "redis"
    is_brokers = record.levelno >= logging.WARNING and record.name.startswith(("celery", "kombu"))
    if is_brokers and any(text in record.getMessage() for text in _REDIS_TEXTS):
        return "redis"
    return unavailable_service(error)


def _repetition_key(record: logging.LogRecord, error: BaseException | None) -> object:
    """Return a key that repetitions of the same traceback have in common."""
    if error is None or record.name.startswith(_COMPLETE):
        return None
    return record.name, _event_name(record) or record.msg, type(error)


def _one_line(record: logging.LogRecord, what: str, error: BaseException | None, left_out: int) -> logging.LogRecord:
    text = f"{type(error).__name__}: {error}" if error else _event_name(record) or record.getMessage()
    facts = {"what": what, "error": text, "noticed_by": record.name, **({"left_out": left_out} if left_out else {})}
    level = {"levelno": logging.WARNING, "levelname": "WARNING"}
    return logging.makeLogRecord({"name": record.name, "msg": "outage", "args": (), **level, **facts})


def _with_count(record: logging.LogRecord, left_out: int) -> logging.LogRecord:
    copy = logging.makeLogRecord(record.__dict__)
    if isinstance(copy.msg, dict):
        copy.msg = {**copy.msg, "left_out": left_out}
    else:
        copy.left_out = left_out
    return copy
