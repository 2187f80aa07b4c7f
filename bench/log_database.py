"""Request logs of a given size for the benches, each in a database of its own that may be kept for the next run.

50 keys, 90 days, one key with a fifth of the traffic; four endpoints of which one has an id in its path, 3,200 IP
addresses, a few user agents, and of status, path and agent one that is rare. Rollups and values that occur are made
from the rows. The tables are UNLOGGED, which spares the disk while they are filled and changes nothing for reading.
"""

import time
from collections.abc import Iterable

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from keys.log.models import facet, partitions
from keys.models import ApiKey, LogFacet, LoggedRequest
from workspaces.models import Workspace

KEYS = 50
FILL = """
INSERT INTO keys_loggedrequest (key_id, workspace_id, upstream_id, method, path, status_code, duration_ms, ip_address,
                                user_agent, created_at, is_own_call)
SELECT k.id, k.workspace_id, 'r' || n, CASE WHEN n %% 3 = 0 THEN 'POST' ELSE 'GET' END,
       '/api/v1/public/' || CASE WHEN n %% 30000 = 5 THEN 'whoami' WHEN n %% 3 = 0 THEN 'enrich/bulk'
           WHEN n %% 3 = 1 THEN 'enrichment/status/public_bulk_' || md5((n / 300)::text) ELSE 'credits/balance' END,
       CASE WHEN n %% 20000 = 7 THEN 503 WHEN n %% 50 = 0 THEN 429 ELSE 200 END, n %% 500,
       '10.0.' || n %% 16 || '.' || (n / 16) %% 200,
       CASE WHEN n %% 40000 = 9 THEN 'legacy-client/0.9' ELSE 'python-requests/2.32.' || n %% 4 END,
       now() - (n::float / %s) * interval '90 days', n %% 97 = 0
FROM generate_series(1, %s) AS n
JOIN (SELECT id, workspace_id, row_number() OVER (ORDER BY upstream_id) - 1 AS place FROM keys_apikey) AS k
  ON k.place = CASE WHEN n %% 5 = 0 THEN 0 ELSE n %% %s END
"""
_ENDPOINT = "regexp_replace(path, '/public_bulk_.*', '/{id}')"
_BUCKET = "CASE WHEN duration_ms < 1 THEN -1 ELSE floor(ln(duration_ms::float) / ln(2::float) * 4 + 1e-9)::int END"
ROLL_UP = f"""
INSERT INTO keys_keytraffic (key_id, endpoint, hour, status_class, count, histogram)
SELECT key_id, endpoint, hour, class, sum(n), jsonb_object_agg(bucket, n) FROM (
    SELECT key_id, CASE WHEN is_own_call THEN 'console' ELSE of.endpoint END AS endpoint,
           date_trunc('hour', created_at) AS hour, status_code / 100 AS class, {_BUCKET} AS bucket, count(*) AS n
    FROM keys_loggedrequest CROSS JOIN LATERAL (VALUES (''), ({_ENDPOINT})) AS of (endpoint)
    WHERE NOT is_own_call OR of.endpoint = ''
    GROUP BY 1, 2, 3, 4, 5
) AS cells GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - no part comes from outside
ROLL_UP_WORKSPACE = """
INSERT INTO keys_workspacetraffic (workspace_id, endpoint, hour, status_class, count, histogram)
SELECT workspace_id, endpoint, hour, status_class, sum(n), jsonb_object_agg(bucket, n) FROM (
    SELECT workspace_id, endpoint, hour, status_class, bucket, sum(number::int) AS n
    FROM keys_keytraffic AS t JOIN keys_apikey AS k ON k.id = t.key_id, jsonb_each_text(histogram) AS b (bucket, number)
    GROUP BY 1, 2, 3, 4, 5
) AS cells GROUP BY 1, 2, 3, 4
"""


def open_log(rows: int) -> None:
    """Connect to the database with a log of ``rows`` requests; made and filled where it is not there."""
    name = name_of(rows)
    if name in there():
        use(name)
        return
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    began = time.perf_counter()
    _make_keys()
    _fill(rows)
    print(f"{rows:,} rows filled in {time.perf_counter() - began:,.0f} s", flush=True)


def name_of(rows: int) -> str:
    """Return the name of the database with ``rows`` requests."""
    return f"bench_log_{rows}"


def there() -> set[str]:
    """Return the names of the databases there are."""
    with connection._nodb_cursor() as cursor:  # noqa: SLF001 - as Django's own test databases are made
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def use(name: str) -> None:
    """Ask this database from now on."""
    connection.close()
    connection.settings_dict["NAME"] = name


def drop(sizes: Iterable[int]) -> None:
    """Drop the databases of these sizes."""
    connection.close()
    with connection._nodb_cursor() as cursor:  # noqa: SLF001 - as above
        for rows in sizes:
            cursor.execute(f"DROP DATABASE IF EXISTS {name_of(rows)}")


def _make_keys() -> None:
    workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9")
    now = timezone.now()
    read = {"first_seen_at": now, "read_at": now, "captured_since": now - timezone.timedelta(days=90)}
    ApiKey.objects.bulk_create(
        ApiKey(workspace=workspace, name=f"Key {n:02}", upstream_id=f"k{n:02}", key_id=ApiKey().pk, **read)
        for n in range(KEYS)
    )


def _fill(rows: int) -> None:
    now = timezone.now()
    partitions.ensure(now - timezone.timedelta(days=day) for day in range(92))
    with connection.cursor() as cursor:
        indexes, constraints = _indexes(cursor), _constraints(cursor)
        for name in (*partitions.existing(), "keys_keytraffic", "keys_workspacetraffic"):
            cursor.execute(f"ALTER TABLE {name} SET UNLOGGED")
        for name, _ in constraints:
            cursor.execute(f"ALTER TABLE {partitions.TABLE} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'")
        cursor.execute(FILL, [rows, rows, KEYS])
        for name, definition in constraints:
            cursor.execute(f"ALTER TABLE {partitions.TABLE} ADD CONSTRAINT {name} {definition}")
        for _, definition in indexes:
            cursor.execute(definition.replace(" ON ONLY ", " ON "))  # of the partitions too
        print("  rows and indexes", flush=True)
        cursor.execute(ROLL_UP)
        cursor.execute(ROLL_UP_WORKSPACE)
        print("  rollups", flush=True)
    workspace = Workspace.objects.get()
    LogFacet.objects.bulk_create(
        [LogFacet(workspace=workspace, **one) for one in facet.count_facets(LoggedRequest.objects.all())],
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    call_command("migrate", check_unapplied=True, verbosity=0)


def _indexes(cursor) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [partitions.TABLE],
    )
    return cursor.fetchall()


def _constraints(cursor) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        [partitions.TABLE],
    )
    return cursor.fetchall()
