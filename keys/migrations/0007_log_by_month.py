"""On PostgreSQL the request log becomes partitioned by month. Every row is copied and counted before the table as it
was is dropped; all of it is one transaction, so it happens as a whole or not at all. Meanwhile nothing reads or writes
the log, and it takes the disk of one more copy. SQLite has no partitions and keeps its table.

Going back to 0006 leaves the partitions as they are: the columns are the same and the models read both alike. Coming
here again then finds the work done.
"""

from datetime import UTC, datetime

from django.db import migrations

from keys.log.models.partitions import EARLY, LATE, TABLE, bounds_of, next_month, name_of

OLD = f"{TABLE}_old"
# What a rare path or user agent of a key is found by. Hashes, because paths are longer than an index may take.
BY_HASH = {"log_of_key_by_path": "path", "log_of_key_by_agent": "user_agent"}


def by_month(_, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        if _is_partitioned(cursor):
            return
        indexes, foreign_keys = _indexes(cursor), _foreign_keys(cursor)
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {OLD}")
        cursor.execute(f"CREATE TABLE {TABLE} (LIKE {OLD} INCLUDING CONSTRAINTS) PARTITION BY RANGE (created_at)")
        for name in [EARLY, LATE, *_months(cursor)]:
            begin, end = bounds_of(name)
            cursor.execute(f"CREATE TABLE {name} PARTITION OF {TABLE} FOR VALUES FROM ({begin}) TO ({end})")
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM {OLD}")
        _compare(cursor)
        cursor.execute(f"DROP TABLE {OLD}")
        _number(cursor)
        cursor.execute(f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id, created_at)")
        cursor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT one_row_a_request UNIQUE (key_id, upstream_id, created_at)"
        )
        for definition in indexes:
            cursor.execute(definition)
        for name, definition in foreign_keys:
            cursor.execute(f'ALTER TABLE {TABLE} ADD CONSTRAINT "{name}" {definition}')
        for name, column in BY_HASH.items():
            cursor.execute(
                f"CREATE INDEX {name} ON {TABLE} (key_id, hashtextextended({column}, 0), created_at DESC, id DESC)"
            )


def _is_partitioned(cursor):
    cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [TABLE])
    return cursor.fetchone()[0]


def _indexes(cursor):
    """Return how to make the indexes that no constraint brings along."""
    cursor.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [TABLE],
    )
    return [definition for (definition,) in cursor.fetchall()]


def _foreign_keys(cursor):
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'",
        [TABLE],
    )
    return cursor.fetchall()


def _months(cursor):
    """Return the partitions that the rows need, and those of this month and the next."""
    cursor.execute(f"SELECT DISTINCT date_trunc('month', created_at AT TIME ZONE 'UTC') FROM {OLD}")
    now = datetime.now(UTC)
    months = {month.replace(tzinfo=UTC) for (month,) in cursor.fetchall()} | {now, next_month(now.replace(day=1))}
    return sorted({name_of(month) for month in months} - {EARLY, LATE})


def _compare(cursor):
    cursor.execute(f"SELECT (SELECT count(*) FROM {TABLE}), (SELECT count(*) FROM {OLD})")
    copied, there = cursor.fetchone()
    if copied != there:
        raise RuntimeError(f"{copied} of {there} rows of the request log were copied. Nothing was changed.")


def _number(cursor):
    """Go on numbering after the last row."""
    sequence = f"{TABLE}_id_seq"
    cursor.execute(f"CREATE SEQUENCE {sequence} AS bigint OWNED BY {TABLE}.id")
    cursor.execute(f"SELECT setval('{sequence}', coalesce(max(id), 0) + 1, false) FROM {TABLE}")
    cursor.execute(f"ALTER TABLE {TABLE} ALTER id SET DEFAULT nextval('{sequence}')")


class Migration(migrations.Migration):
    dependencies = [("keys", "0006_log_values")]

    operations = [migrations.RunPython(by_month, migrations.RunPython.noop)]
