"""Rebuilds the indexes of past months on PostgreSQL, so that they take the least space.

Rows arrive between those of other keys, which leaves the index pages of a month half empty. A month that is over hardly
changes, so its indexes are rebuilt once, without blocking reads or writes.
"""

from datetime import datetime, timedelta

import structlog
from django.db import connection

from core import clock
from keys.log.models import partitions

# Until then, pages of the month may still arrive.
SETTLES = timedelta(days=2)
# The index of a key's times takes 41 bytes a row when its pages are full. It stands for the others.
_WIDEST = 50
_REBUILT = "indexes rebuilt"
_IS_LOOSE = """
SELECT reltuples > 0 AND pg_relation_size(inhrelid) > reltuples * %s
FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid
JOIN pg_class ON oid = indrelid
WHERE inhparent = 'log_of_key'::regclass AND oid = %s::regclass AND coalesce(obj_description(oid) <> %s, true)
"""
# Another worker that rebuilds them, or a vacuum.
_IS_BUSY = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s::regclass AND mode = 'ShareUpdateExclusiveLock')"
# What a rebuilding leaves behind that was interrupted.
_LEFT_OVER = """
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE indrelid = %s::regclass AND NOT indisvalid AND relname ~ '_cc(new|old)[0-9]*$'
"""
logger = structlog.get_logger(__name__)


def compact(now: datetime | None = None) -> int:
    """Rebuild the indexes of months that are over and take too much space; return how many. Not in a transaction."""
    if not partitions.is_used():
        return 0
    ended = [name for name, _ in partitions.ended((now or clock.now()) - SETTLES)]
    return sum(_rebuild(name) for name in ended if _is_loose(name))


def _is_loose(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_IS_LOOSE, [_WIDEST, name, _REBUILT])
        return (True,) in cursor.fetchall()


def _rebuild(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_IS_BUSY, [name])
        if (True,) in cursor.fetchall():
            return False
        cursor.execute(_LEFT_OVER, [name])
        for (index,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX CONCURRENTLY {index}")
        cursor.execute(f"REINDEX TABLE CONCURRENTLY {name}")
        cursor.execute(f"COMMENT ON TABLE {name} IS '{_REBUILT}'")
    logger.info("log_indexes_rebuilt", partition=name)
    return True
