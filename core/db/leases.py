"""Leases of rows, so that one worker at a time works on each.

The end of a lease identifies its holder: whoever knows it may extend the lease, change the row, and release it. Leases
are short and are extended while the work goes on, so they end soon after their holder dies.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Self, TypeVar

import structlog
from django.db import DatabaseError, connection, models
from django.db.models import Q

from core import clock

# The work of a killed worker waits at most this long; a live worker gets five attempts to extend a lease.
SECONDS = 30
EXTEND_SECONDS = 5.0
logger = structlog.get_logger(__name__)

Row = TypeVar("Row", bound="Leased")


def is_free(now: datetime, path: str = "") -> Q:
    """Return the condition that nobody holds a lease of the row, or of the one at ``path``, such as "job__"."""
    return Q(**{f"{path}leased_until": None}) | Q(**{f"{path}leased_until__lt": now})


class LeasedQuerySet(models.QuerySet[Row]):
    """Queries on rows with leases, and what can be done with a lease."""

    def free(self, now: datetime) -> Self:
        """Keep the rows that nobody holds a lease of."""
        return self.filter(is_free(now))

    def held(self, *rows: Row) -> Self:
        """Keep those of ``rows`` whose leases nobody has changed since they were read or acquired."""
        by_end: dict[datetime | None, list[object]] = defaultdict(list)
        for row in rows:
            by_end[row.leased_until].append(row.pk)
        unchanged = Q(pk__in=[])
        for end, pks in by_end.items():
            unchanged |= Q(pk__in=pks, leased_until=end)
        return self.filter(unchanged)

    def acquire(self, *rows: Row, seconds: float = SECONDS, **changes: object) -> list[Row]:
        """Lease ``rows`` from now on, whether free or held by this worker; return those for which that worked.

        It fails for rows that another worker has leased since, and for rows that are not in this queryset. ``changes``
        are made together with the lease, also on the instances.
        """
        changes["leased_until"] = until = clock.now() + timedelta(seconds=seconds)
        changed, acquired = self.held(*rows).update(**changes), list(rows)
        if changed < len(rows):
            ours = self.model._default_manager.filter(pk__in=[row.pk for row in rows], leased_until=until)  # noqa: SLF001 - Django's documented way
            pks = set(ours.values_list("pk", flat=True)) if changed else set()
            acquired = [row for row in rows if row.pk in pks]
        _set(acquired, changes)
        return acquired

    def lock_unlocked(self) -> Self:
        """Lock the rows, without those that are locked already. SQLite lets one transaction write at a time anyway."""
        return self.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked, of=("self",))

    def acquire_locked(self, rows: Iterable[Row], until: datetime, **changes: object) -> None:
        """Lease ``rows``, which are free and locked by this transaction; ``changes`` as in ``acquire``."""
        changes["leased_until"], some = until, list(rows)
        self.model._default_manager.filter(pk__in=[row.pk for row in some]).update(**changes)  # noqa: SLF001 - as above
        _set(some, changes)

    def release(self, *rows: Row, **changes: object) -> int:
        """Release the leases of ``rows`` that are still held, and make ``changes`` to these; return how many."""
        return self.held(*rows).update(leased_until=None, **changes)


def _set(rows: Iterable["Leased"], changes: dict[str, object]) -> None:
    for row in rows:
        for name, value in changes.items():
            setattr(row, name, value)


class Leased(models.Model):
    """A row that one worker at a time works on."""

    leased_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True


@contextmanager
def extend_periodically(row: Leased) -> Iterator[Callable[[], bool]]:
    """Extend the lease of ``row`` every few seconds, in a thread that ends with the block.

    Yields a function that extends it at once, and returns False if another worker has it.
    """
    ended, lock = threading.Event(), threading.Lock()

    def extend() -> bool:
        with lock:
            return bool(LeasedQuerySet[Leased](type(row)).acquire(row))

    keeper = threading.Thread(target=_keep, args=[extend, ended], name="lease", daemon=True)
    keeper.start()
    try:
        yield extend
    finally:
        ended.set()
        keeper.join()


def _keep(extend: Callable[[], object], ended: threading.Event) -> None:
    try:
        while not ended.wait(EXTEND_SECONDS):
            try:
                extend()
            except DatabaseError as error:  # retried; if the lease expires, another worker takes over
                logger.warning("lease_not_extended", error=type(error).__name__)
    finally:
        connection.close()
