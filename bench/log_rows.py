"""What a row of the request log takes, index by index, and how quickly each filter finds its first page.

Run: python -m bench.log_rows [rows, 1,000,000 by default]. SQLite by default; with DATABASE_URL, a scratch database
beside that one. The rows are ingested as the console does, page by page and key by key, in order of time: ten keys, 90
days; ids at random, a third of all paths with an id, each asked for five times; four usual IP addresses and two user
agents a key, and of each column a value in 200 rows and one in 50,000. Milliseconds are the median of 15 readings of
the page's rows, without its template; "request by id" is what the search does.
"""

import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.log_ingest import PAGE, START, decode, make_key  # first: it chooses the settings

# ruff: isort: split
import msgspec
from django.db import connection, transaction
from django.http import QueryDict

from keys.finders import _requests
from keys.log.ingest import pages as log_ingest
from keys.log.models import partitions
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.page import read_page
from keys.models import ApiKey, LoggedRequest
from workspaces.find.query import parse_query
from workspaces.find.registry import Search
from workspaces.models import User, Workspace

KEYS, DAYS, ROUNDS = 10, 90, 15
FILTERS = {
    "no filter": "",
    "usual status": "status=200",
    "1 in 20 has this status": "status=429",
    "1 in 200 has this status": "status=401",
    "rare status": "status=503",
    "status class": "status=4xx",
    "usual path": "path==/api/v1/public/credits/balance",
    "1 in 200 has this path": "path==/api/v1/public/keys",
    "rare path": "path==/api/v1/public/whoami",
    "path part": "path=bulk",
    "usual IP address": "ip=203.0.113.1",
    "1 in 200 has this IP address": "ip=198.51.100.7",
    "rare IP address": "ip=198.51.100.8",
    "network": "ip=198.51.100.0/24",
    "usual agent": "agent=requests",
    "1 in 200 has this agent": "agent=curl",
    "rare agent": "agent=legacy",
    "status, path, agent": "status=4xx&path=bulk&agent=requests",
    "rare status on one day": "status=503&start={day}T00:00:00Z&end={day}T23:59:59Z",
    "1 in 200 has this IP, before a day": "ip=198.51.100.7&end={day}T12:00:00Z",
    "matches nothing": "agent=nowhere",
}
TABLES = """
SELECT coalesce(parent.relname, index.relname), sum(pg_relation_size(i.indexrelid)) FROM pg_index AS i
JOIN pg_class AS index ON index.oid = i.indexrelid LEFT JOIN pg_inherits ON inhrelid = i.indexrelid
LEFT JOIN pg_class AS parent ON parent.oid = inhparent
WHERE i.indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'keys_loggedrequest'::regclass) GROUP BY 1
UNION ALL SELECT 'the rows', sum(pg_relation_size(inhrelid)) FROM pg_inherits
WHERE inhparent = 'keys_loggedrequest'::regclass
"""
OF_SQLITE = """
SELECT name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) WHERE tbl_name = 'keys_loggedrequest' GROUP BY 1
"""


def some(numbers: random.Random, number: int, key: int) -> dict[str, object]:
    """Return the row ``number`` of a key as upstream sends it, without its time."""

    def one_of(usual: list[str], seldom: str, rare: str) -> str:
        drawn = numbers.random()
        return rare if drawn < 1 / 50_000 else seldom if drawn < 1 / 200 else numbers.choice(usual)

    poll = f"enrichment/status/public_bulk_{number // 15:024x}{key:08x}"
    path = one_of(["credits/balance", "enrich/bulk", poll], "keys", "whoami")
    status = one_of(["200"] * 19 + ["429"], "401", "503")
    return {
        "id": f"{numbers.getrandbits(128):032x}",
        "method": "POST" if path == "enrich/bulk" else "GET",
        "path": f"/api/v1/public/{path}",
        "status_code": int(status),
        "duration_ms": numbers.randrange(20, 900),
        "ip_address": one_of([f"203.0.113.{key + n}" for n in range(4)], "198.51.100.7", "198.51.100.8"),
        "user_agent": one_of(["python-requests/2.32.0", "python-httpx/0.27.0"], "curl/8.5.0", "legacy-client/0.9"),
    }


def pages_of(key: int, rows: int) -> Iterator[tuple[bytes, datetime]]:
    """Yield the pages of one key, newest row first, each with the last row of the one before, and their times."""
    numbers, step = random.Random(key), timedelta(days=DAYS) / rows  # noqa: S311 - the same rows in each run
    made: list[dict[str, object]] = []
    for number in range(rows):
        made.append(some(numbers, number, key) | {"created_at": START + number * step + key * step / KEYS})
        if len(made) == PAGE or number == rows - 1:
            yield msgspec.json.encode(made[::-1]), START + number * step
            made = made[-1:]


def fill(rows: int) -> Workspace:
    """Ingest the log, and print how fast that was."""
    workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9")
    keys = [make_key(workspace, number) for number in range(KEYS)]
    partitions.ensure(START + timedelta(days=day) for day in range(DAYS + 1))
    used = 0.0
    for batch in zip(*(pages_of(number, rows // KEYS) for number in range(KEYS)), strict=True):
        for key, (body, at) in zip(keys, batch, strict=True):
            entries, began = decode(body), time.perf_counter()
            with transaction.atomic():
                log_ingest.ingest_page(workspace, key.upstream_id, entries, at)
            used += time.perf_counter() - began
    print(f"{connection.vendor}: {rows:,} rows ingested, {rows / used:,.0f} a second", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    return workspace


def print_sizes() -> None:
    rows = LoggedRequest.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(TABLES if connection.vendor == "postgresql" else OF_SQLITE)
        sizes = sorted(cursor.fetchall(), key=lambda one: -one[1])
    for name, size in sizes:
        print(f"  {name:44} {size / rows:7.1f} bytes a row")
    print(f"  {'together':44} {sum(size for _, size in sizes) / rows:7.1f} bytes a row")


def print_times(workspace: Workspace) -> None:
    day = f"{START + timedelta(days=DAYS / 2):%Y-%m-%d}"
    scopes = [LogScope(workspace, ApiKey.objects.order_by("upstream_id")[1]), LogScope(workspace)]
    print(f"  {'milliseconds':44}{'of a key':>10}{'of all':>10}{'rows':>10}")
    for name, query in FILTERS.items():
        figures, shown = [], []
        for scope in scopes:
            form = LogFilterForm(QueryDict(query.format(day=day)), None if scope.key else [])
            assert form.is_valid(), form.errors
            figures.append(_median(lambda form=form, scope=scope: read_page(form, scope)))
            page = read_page(form, scope)
            shown.append(f"{len(page.rows)}{'…' if page.further else ''}")
        print(f"  {name:44}{figures[0]:>10.2f}{figures[1]:>10.2f}{'/'.join(shown):>10}")
    row = LoggedRequest.objects.order_by("-created_at")[1000]
    search = Search(parse_query(row.upstream_id), User(), workspace)
    print(f"  {'request by id':44}{'':10}{_median(lambda: list(_requests(search))):>10.2f}")


def _median(read) -> float:
    took = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        read()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[1:])


def main(rows: int) -> None:
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        workspace = fill(rows)
        print_sizes()
        print_times(workspace)
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
