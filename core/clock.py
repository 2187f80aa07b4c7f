"""The one clock by which it is noted when things were read and when they are due: the database's.

The clocks of the console's machines may differ, and be set; what several processes compare must come from one. Should
that one have been ahead, what it dated into the future is taken to be of now, and mended.
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

# What is written while the mending runs is not from the future.
SLACK = timedelta(seconds=5)
# No lease of this console lasts longer.
LONGEST_LEASE = timedelta(minutes=2)
# Nothing is put off for longer at once, not even an e-mail by quiet hours.
LONGEST_WAIT = timedelta(days=7)
logger = structlog.get_logger(__name__)


# The moment that a request, or a round of work, has asked for.
_asked: ContextVar[list[datetime] | None] = ContextVar("asked", default=None)


def now() -> datetime:
    """Return the present moment by the database's clock, in one query; SQLite's clock is this machine's.

    For what is stored, and compared with what others store.
    """
    found = _ask()
    if (asked := _asked.get()) is not None:
        asked[:] = [found]
    return found


def moment() -> datetime:
    """Return the present moment as ``one_moment`` holds it, asked for once; elsewhere the same as ``now``.

    For what is shown: how old it is, whether it is due, what lies in the last hour.
    """
    asked = _asked.get()
    return asked[0] if asked else now()


def today() -> date:
    """Return the date of the present moment where the viewer is."""
    return timezone.localtime(moment()).date()


@contextmanager
def one_moment() -> Iterator[None]:
    """Let ``moment`` be the same all the while, or what ``now`` has said since."""
    token = _asked.set([])
    try:
        yield
    finally:
        _asked.reset(token)


def _ask() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()  # noqa: TID251 - SQLite has no other
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (found,) = cursor.fetchone()
    assert isinstance(found, datetime)  # noqa: S101 - what the function is declared to return
    return found


@dataclass(frozen=True)
class _Times:
    """The columns of one table that a clock which was ahead may have filled."""

    model: type[Model]
    past: tuple[str, ...]
    due: tuple[str, ...]
    leases: tuple[str, ...]

    def mend(self, present: datetime) -> int:
        """Bring back to ``present`` what lies further ahead than it can; return how many rows that were."""
        limits = {
            **dict.fromkeys(self.past, present + SLACK),
            **dict.fromkeys(self.due, present + LONGEST_WAIT),
            **dict.fromkeys(self.leases, present + LONGEST_LEASE + SLACK),
        }
        beyond = reduce(or_, [Q(**{f"{name}__gt": limit}) for name, limit in limits.items()])
        rows = self.model._default_manager.filter(beyond)  # noqa: SLF001 - Django's documented way
        if not rows.exists():
            return 0  # the usual case, and one in which SQLite need not be asked to write
        brought = {name: _brought_back(name, present, present) for name in (*self.past, *self.due)}
        return rows.update(**brought, **{name: _brought_back(name, limits[name], None) for name in self.leases})


def _brought_back(column: str, limit: datetime, to: datetime | None) -> Case:
    return Case(When(Q(**{f"{column}__gt": limit}), then=Value(to)), default=F(column), output_field=DateTimeField())


_tables: dict[type[Model], _Times] = {}
_menders: dict[Callable[[datetime], int], tuple[type[Model], ...]] = {}


def watch(model: type[Model], *, past: Iterable[str] = (), due: Iterable[str] = (), leases: Iterable[str] = ()) -> None:
    """Have ``mend`` see to the rows of ``model``.

    ``past`` are columns that say when something happened, so never lie in the future; ``due`` those that say when
    something is to happen, which is at once in a row that a clock ahead has written; ``leases`` those that say until
    when a worker is at it.
    """
    _tables[model] = _Times(model, tuple(past), tuple(due), tuple(leases))


def watch_with(mender: Callable[[datetime], int], *models: type[Model]) -> None:
    """Have ``mend`` call ``mender`` with the present moment, for tables whose rows depend on each other.

    It returns how many rows it has brought back.
    """
    _menders[mender] = models


def mend() -> int:
    """Take what a clock that was ahead has dated into the future to be of now; return how many rows."""
    present = now()
    mended = {model._meta.label: times.mend(present) for model, times in _tables.items()}  # noqa: SLF001 - Django's documented way
    mended |= {models[0]._meta.label: mender(present) for mender, models in _menders.items()}  # noqa: SLF001 - as above
    if any(mended.values()):
        logger.warning("clock_was_ahead", **{label: rows for label, rows in mended.items() if rows})
    return sum(mended.values())
