"""Monthly partitions (UTC) of the request log on PostgreSQL, created before they are needed and dropped when old.

There is no default partition: rows that it received would prevent the creation of their month's own partition, and a
log with a default partition cannot be read in order of time without sorting. Rows outside the months, from clocks that
are far off, go into the two partitions at the ends.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction

from core.db.sql import Statement, execute_batch

TABLE = "keys_loggedrequest"
FIRST_YEAR, LAST_YEAR = 2020, 2100
FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
EARLY, LATE = f"{TABLE}_early", f"{TABLE}_late"
# Held while partitions are created, so that two workers never create the same one.
_LOCK = 0x6C6F67
_TURN = "SELECT pg_advisory_xact_lock(%s)"
_MISSING = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
# Reads and ingest wait for the lock that dropping takes, and dropping waits for reads, but no longer than this.
_LOCK_MILLISECONDS, _TRIES = 200, 5
logger = structlog.get_logger(__name__)


def is_used() -> bool:
    """Return whether this database partitions the log."""
    return connection.vendor == "postgresql"


def month_of(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def name_of(time: datetime) -> str:
    """Return the name of the partition for ``time``."""
    month = time.astimezone(UTC)
    if month.year < FIRST_YEAR:
        return EARLY
    return LATE if month.year >= LAST_YEAR else f"{TABLE}_{month.year}_{month.month:02}"


def bounds_of(name: str) -> tuple[str, str]:
    """Return the partition's lower bound (inclusive) and upper bound (exclusive) in SQL."""
    if name == EARLY:
        return "MINVALUE", f"'{FIRST_YEAR}-01-01Z'"
    if name == LATE:
        return f"'{LAST_YEAR}-01-01Z'", "MAXVALUE"
    begin, end = _months_of(name)
    return f"'{begin:%Y-%m-%dZ}'", f"'{end:%Y-%m-%dZ}'"


def _months_of(name: str) -> tuple[datetime, datetime]:
    year, month = name.removeprefix(f"{TABLE}_").split("_")
    begin = datetime(int(year), int(month), 1, tzinfo=UTC)
    return begin, next_month(begin)


def existing() -> list[str]:
    """Return the names of the existing partitions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = %s::regclass", [TABLE]
        )
        return sorted(name for (name,) in cursor.fetchall())


def ensure(times: Iterable[datetime]) -> None:
    """Create the missing partitions for rows of ``times``."""
    if is_used() and (wanted := list(times)):
        (found,) = execute_batch(missing_statement(wanted))
        create(name for (name,) in found)


def missing_statement(times: Sequence[datetime]) -> Statement:
    """Return the SQL that selects the names of the missing partitions for rows of ``times``."""
    ends = {name_of(time) for time in (min(times), max(times))} if times else set()
    names = ends if len(ends) < 2 else {name_of(time) for time in times}
    return _MISSING, [sorted(names)]


def create(names: Iterable[str]) -> None:
    """Create the partitions in ``names`` that do not exist; only one worker creates each."""
    if not (wanted := sorted(names)):
        return
    with transaction.atomic(savepoint=False):
        _, found = execute_batch((_TURN, [_LOCK]), (_MISSING, [wanted]))
        with connection.cursor() as cursor:
            for (name,) in found:
                _create(cursor, name)


def _create(cursor: Any, name: str) -> None:
    """Create one and attach it: CREATE … PARTITION OF would block reads and writes of the others."""
    begin, end = bounds_of(name)
    cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})")


def drop_before(cutoff: datetime) -> int:
    """Drop the partitions of months entirely before ``cutoff``; return how many rows they held."""
    return sum(_drop(name, end) for name, end in ended(cutoff))


def ended(cutoff: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield the partitions of months entirely before ``cutoff``, and when each month ended."""
    for name in existing():
        if name not in {EARLY, LATE} and (end := _months_of(name)[1]) <= cutoff:
            yield name, end


def _drop(name: str, end: datetime) -> int:
    """Drop one partition, or leave it for the next pruning if it is being read or has received new rows.

    Pruning has set ``kept_from`` on the keys, so no page restores these rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - the name is one of ours
        rows: int = cursor.fetchone()[0]
    for _ in range(_TRIES):
        try:
            if not _dropped(name, end):
                return 0
        except OperationalError as error:  # it is being read
            reason = str(error).strip()
        else:
            logger.info("partition_dropped", partition=name, rows=rows)
            return rows
    logger.warning("partition_in_use", partition=name, error=reason)
    return 0


def _dropped(name: str, end: datetime) -> bool:
    """Drop a partition unless it holds rows of a key that does not count them as pruned."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_MILLISECONDS}ms'")
        cursor.execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM keys_apikey WHERE coalesce(kept_from < %s, true)"  # noqa: S608 - as above
            f" AND EXISTS (SELECT FROM {name} WHERE key_id = keys_apikey.id))",
            [end],
        )
        if cursor.fetchone()[0]:
            return False
        cursor.execute(f"DROP TABLE {name}")
    return True
