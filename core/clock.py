"""The clock for stored times, which is the database's.

The clocks of the console's machines may differ or be adjusted, so times that several processes compare come from one
clock. If that clock was ahead for a while, the future times that it stored are set back to now.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

import structlog
from django.db import connection
from django.db.models import Case, DateTimeField, F, Model, Q, Value, When
from django.utils import timezone

# Tolerance for rows that are written while the repair runs.
SLACK = timedelta(seconds=5)
# No lease of this console lasts longer.
LONGEST_LEASE = timedelta(minutes=2)
# Nothing is scheduled further ahead, not even an email by quiet hours.
LONGEST_WAIT = timedelta(days=7)
logger = structlog.get_logger(__name__)


# The cached time of a request or task: None outside of cache_now, empty until the first query.
_cache: ContextVar[list[datetime] | None] = ContextVar("clock_cache", default=None)


def now() -> datetime:
    """Return the database's time, by one query. For SQLite it is this machine's time.

    Use it for times that are stored, or compared with times that other processes store.
    """
    current = _query_time()
    if (cache := _cache.get()) is not None:
        cache[:] = [current]
    return current


def cached_now() -> datetime:
    """Return the last ``now()`` within the current ``cache_now`` block; outside of a block, the same as ``now``.

    A block costs one query. Use it for pages: the age of something, whether it is due, the last hour.
    """
    cache = _cache.get()
    return cache[0] if cache else now()


def today() -> date:
    """Return the current date in the viewer's time zone."""
    return timezone.localtime(cached_now()).date()


@contextmanager
def cache_now() -> Iterator[None]:
    """Make ``cached_now`` return the same time throughout the block, or until ``now`` is called."""
    token = _cache.set([])
    try:
        yield
    finally:
        _cache.reset(token)


def _query_time() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()  # noqa: TID251 - SQLite has no other
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (current,) = cursor.fetchone()
    assert isinstance(current, datetime)  # noqa: S101 - what the function is declared to return
    return current


@dataclass(frozen=True)
class _TimeColumns:
    """The columns of one table that may hold future times after the clock was ahead."""

    model: type[Model]
    past: tuple[str, ...]
    due: tuple[str, ...]
    leases: tuple[str, ...]

    def repair(self, present: datetime) -> int:
        """Set impossible future times back to ``present``, and end such leases; return the number of rows."""
        limits = {
            **dict.fromkeys(self.past, present + SLACK),
            **dict.fromkeys(self.due, present + LONGEST_WAIT),
            **dict.fromkeys(self.leases, present + LONGEST_LEASE + SLACK),
        }
        beyond = reduce(or_, [Q(**{f"{name}__gt": limit}) for name, limit in limits.items()])
        rows = self.model._default_manager.filter(beyond)  # noqa: SLF001 - Django's documented way
        if not rows.exists():
            return 0  # the usual case; saves SQLite a write transaction
        reset = {name: _reset_to(name, present, present) for name in (*self.past, *self.due)}
        return rows.update(**reset, **{name: _reset_to(name, limits[name], None) for name in self.leases})


def _reset_to(column: str, limit: datetime, to: datetime | None) -> Case:
    return Case(When(Q(**{f"{column}__gt": limit}), then=Value(to)), default=F(column), output_field=DateTimeField())


_tables: dict[type[Model], _TimeColumns] = {}
_repairers: dict[Callable[[datetime], int], tuple[type[Model], ...]] = {}


def register(
    model: type[Model], *, past: Iterable[str] = (), due: Iterable[str] = (), leases: Iterable[str] = ()
) -> None:
    """Have ``repair_future_times`` repair the rows of ``model``.

    ``past`` columns say when something happened, so they are never in the future. ``due`` columns say when something is
    to happen; a time that is too far ahead becomes now. ``leases`` columns say when a worker's lease expires.
    """
    _tables[model] = _TimeColumns(model, tuple(past), tuple(due), tuple(leases))


def register_repair(repair: Callable[[datetime], int], *models: type[Model]) -> None:
    """Have ``repair_future_times`` call ``repair`` with the current time, for rows that depend on each other.

    ``repair`` returns the number of rows that it changed.
    """
    _repairers[repair] = models


def repair_future_times() -> int:
    """Set future times, stored while the clock was ahead, back to now; return the number of rows."""
    present = now()
    repaired = {model._meta.label: columns.repair(present) for model, columns in _tables.items()}  # noqa: SLF001 - Django's documented way
    repaired |= {models[0]._meta.label: repair(present) for repair, models in _repairers.items()}  # noqa: SLF001 - as above
    if any(repaired.values()):
        logger.warning("clock_was_ahead", **{label: rows for label, rows in repaired.items() if rows})
    return sum(repaired.values())
