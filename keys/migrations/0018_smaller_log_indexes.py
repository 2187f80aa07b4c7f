"""On PostgreSQL, the indexes of the request log take a third of the space, and all filters use them as before.

Those of values (status, IP address, path, user agent) end with the hour instead of the exact time and the id. Equal
entries are then stored once with a list of rows, which takes 10 to 20 bytes a row instead of 70 to 100; the rows of an
hour are sorted when they are read. The unique index has a hash of key and id instead of both, 40 bytes instead of 110.
The rest lose the id: rows of the same microsecond are few.

The console keeps running: each index is built for one partition after the other without blocking reads or writes, and
replaces the old one when it is complete. If this is interrupted, it continues where it stopped. Versions before this
one work with the new indexes. SQLite stores no list of rows, so there the indexes stay as they are.
"""

import time

import structlog
from django.db import OperationalError, migrations, transaction

TABLE = "keys_loggedrequest"
HOUR = "date_trunc('hour', created_at AT TIME ZONE 'UTC')"
INDEXES = {
    "one_row_a_request": "hashtextextended(upstream_id, uuid_hash_extended(key_id, 0)), created_at",
    "log_of_key": "key_id, created_at",
    "log_of_workspace": "workspace_id, created_at",
    "log_of_key_by_status": f"key_id, status_code, {HOUR}",
    "log_of_workspace_by_status": f"workspace_id, status_code, {HOUR}",
    "log_by_ip": f"workspace_id, ip_address, {HOUR}",
    "log_of_key_by_path": f"key_id, hashtextextended(path, 0), {HOUR}",
    "log_of_key_by_agent": f"key_id, hashtextextended(user_agent, 0), {HOUR}",
}
UNIQUE = "one_row_a_request"
# Waiting for a lock makes others wait too, so it is given up soon and tried again, for an hour at most.
LOCK_MILLISECONDS, PAUSE_SECONDS, TRIES = 300, 2, 1500
logger = structlog.get_logger(__name__)


def shrink(_, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        for number, name in enumerate(INDEXES, start=1):
            if _exists(cursor, _new(name)) or not _is_small(cursor, name):
                _build(cursor, name, f"{number} of {len(INDEXES)}")
                _replace(cursor, name)
        for partition in _partitions(cursor):
            cursor.execute(f"ANALYZE {partition}")  # how often each value of an expression occurs


def _new(name):
    return f"{name}_new"


def _build(cursor, name, step):
    """Build the index for every partition, those that are added meanwhile included."""
    unique = "UNIQUE" if name == UNIQUE else ""
    _briefly(cursor, f"CREATE {unique} INDEX IF NOT EXISTS {_new(name)} ON ONLY {TABLE} ({INDEXES[name]})")
    while not _is_valid(cursor, _new(name)):
        missing = [one for one in _partitions(cursor) if not _is_attached(cursor, one, _new(name))]
        for number, partition in enumerate(missing, start=1):
            if _build_for(cursor, partition, name, unique):
                logger.info("log_index_built", index=name, step=step, partition=f"{number} of {len(missing)}")


def _build_for(cursor, partition, name, unique):
    """Build the index for one partition; return whether that has rows."""
    own = f"{partition.removeprefix('keys_')}_{name}"  # a name may have 63 characters
    if _exists(cursor, own) and not _is_valid(cursor, own):  # interrupted
        cursor.execute(f"DROP INDEX CONCURRENTLY {own}")
    cursor.execute(f"SELECT EXISTS (SELECT FROM {partition})")
    (has_rows,) = cursor.fetchone()
    if has_rows:
        cursor.execute(f"CREATE {unique} INDEX CONCURRENTLY IF NOT EXISTS {own} ON {partition} ({INDEXES[name]})")
    else:
        _briefly(cursor, f"CREATE {unique} INDEX IF NOT EXISTS {own} ON {partition} ({INDEXES[name]})")
    _briefly(cursor, f"ALTER INDEX {_new(name)} ATTACH PARTITION {own}")
    return has_rows


def _replace(cursor, name):
    """Drop the old index and give the new one its name."""
    _briefly(
        cursor,
        f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE",
        f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {name}",
        f"DROP INDEX IF EXISTS {name}",
        f"ALTER INDEX {_new(name)} RENAME TO {name}",
    )


def _briefly(cursor, *statements):
    """Run in one transaction what waits for reads or writes of others."""
    for remaining in reversed(range(TRIES)):
        try:
            with transaction.atomic(using=cursor.db.alias):
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
                for statement in statements:
                    cursor.execute(statement)
        except OperationalError as error:
            if not remaining:
                raise
            logger.info("log_index_waits", statement=statements[-1], error=str(error).strip())
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _partitions(cursor):
    cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1", [TABLE])
    return [name for (name,) in cursor.fetchall()]


def _exists(cursor, name):
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
    return cursor.fetchone()[0]


def _is_valid(cursor, name):
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [name])
    return cursor.fetchone()[0]


def _is_small(cursor, name):
    """Return whether the index is the new one. All the old ones go downward, but for the unique one."""
    cursor.execute("SELECT pg_get_indexdef(to_regclass(%s))", [name])
    definition = cursor.fetchone()[0] or ""
    return bool(definition) and " DESC" not in definition and "(key_id, upstream_id" not in definition


def _is_attached(cursor, partition, name):
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid"
        " WHERE indrelid = %s::regclass AND inhparent = %s::regclass)",
        [partition, name],
    )
    return cursor.fetchone()[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("keys", "0017_log_facet")]

    operations = [migrations.RunPython(shrink, migrations.RunPython.noop)]
