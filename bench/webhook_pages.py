"""The pages of webhooks over a small and a large history, on the PostgreSQL at DATABASE_URL.

    DATABASE_URL=postgres://… python -m bench.webhook_pages [attempts of the large history, 1,000,000 by default]

Each history has a database of its own beside that one; ``--keep`` leaves them for the next run.

20 endpoints, 90 days; a quarter of the deliveries fail for good. Each figure is the best of 15 requests of the whole
page through Django's test client (no network), after two that are not counted; they take turns. What counts are the
ratios within one run.

"bare" and "naked" are pages as ``bench.bare`` makes them. Small pages consist of little else than what the second
leaves out, which no view can do anything about. "queries" is the number of SELECTs.
"""

import logging
import os
import sys
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from bench import bare  # noqa: E402
from bench.log_database import there, use  # noqa: E402
from webhooks.ingest import endpoint_rollups  # noqa: E402
from webhooks.models import Delivery  # noqa: E402
from workspaces.models import User, Workspace  # noqa: E402

SMALL = 100_000
LIMIT = 1.5
FILTERS = {
    "no filter": "",
    "failed": "?state=failed",
    "retrying": "?state=retrying",
    "one endpoint": "?host=h7.example.test",
    "failed at one endpoint": "?state=failed&host=h8.example.test",
    "a frequent reason": "?reason=server_error",
    "a rare reason": "?reason=dns",
    "last 7 days": "?since=7d",
    "one workflow": "?workflow=public_bulk_00000042",
    "beginning of a few": "?workflow=public_bulk_0000004",
    "beginning of all": "?workflow=public_bulk_",
    "matches nothing": "?host=nowhere.test",
}
# A delivery makes two attempts on average: a quarter five, the others one.
WORKFLOWS = """
INSERT INTO webhooks_workflow (workspace_id, workflow_id, source, first_seen_at, status, summary, status_error,
                               status_gone)
SELECT %(workspace)s, 'public_bulk_' || lpad(n::text, 8, '0'), 'deliveries', now(), '', '{}', '', false
FROM generate_series(1, %(deliveries)s) AS n
"""
DELIVERIES = """
INSERT INTO webhooks_delivery (workspace_id, workflow_id, url, host, state, reason, attempts, runs, first_attempt_at,
                               last_attempt_at, last_status_code, last_error, last_duration_ms, next_is_estimate)
SELECT %(workspace)s, w.id, 'https://h' || n %% 20 || '.example.test/hook', 'h' || n %% 20 || '.example.test',
       CASE WHEN n <= 20 THEN 'retrying' WHEN n %% 4 = 0 THEN 'failed' ELSE 'delivered' END,
       CASE WHEN n %% 4 > 0 AND n > 20 THEN '' WHEN n %% 5000 = 0 THEN 'dns' WHEN n %% 3 = 0 THEN 'timeout'
            ELSE 'server_error' END,
       CASE WHEN n %% 4 = 0 THEN 5 ELSE 1 END, 1, at, at + interval '15 seconds',
       CASE WHEN n %% 4 = 0 THEN 500 ELSE 200 END,
       CASE WHEN n %% 4 = 0 THEN 'HTTP 500 Internal Server Error' ELSE '' END,
       n %% 900, false
FROM (SELECT n, now() - (n::float / %(deliveries)s) * interval '90 days' AS at
      FROM generate_series(1, %(deliveries)s) AS n) AS made
JOIN webhooks_workflow AS w ON w.workflow_id = 'public_bulk_' || lpad(n::text, 8, '0')
"""
ATTEMPTS = """
INSERT INTO webhooks_attempt (workspace_id, delivery_id, upstream_id, run, number, status, acknowledged, reason,
                              status_code, error, duration_ms, at, at_is_estimate)
SELECT d.workspace_id, d.id, d.id || '#' || number, 1, number, d.state, d.state = 'delivered', d.reason,
       d.last_status_code, d.last_error, d.last_duration_ms, d.first_attempt_at + number * interval '3 seconds', false
FROM webhooks_delivery AS d CROSS JOIN LATERAL generate_series(1, d.attempts) AS number
"""


def name_of(attempts):
    return f"bench_webhooks_{attempts}"


def enter(attempts):
    """Ask the database with so many attempts from now on, made and filled where it is not there."""
    name = name_of(attempts)
    if name in there():
        use(name)
    else:
        connection.settings_dict["TEST"]["NAME"] = name
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        fill(attempts)
    return Workspace.objects.get()


def fill(attempts):
    workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9", api_key=None)
    began, facts = time.perf_counter(), {"workspace": workspace.pk, "deliveries": attempts // 2}
    with connection.cursor() as cursor:
        for statement in (WORKFLOWS, DELIVERIES, ATTEMPTS):
            cursor.execute(statement, facts)
    endpoint_rollups.recount(workspace)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM webhooks_attempt")
        count = cursor.fetchone()[0]
    print(f"{count:,} attempts filled in {time.perf_counter() - began:,.0f} s", flush=True)


def drop(sizes):
    connection.close()
    with connection._nodb_cursor() as cursor:  # noqa: SLF001 - as Django's own test databases are dropped
        for attempts in sizes:
            cursor.execute(f"DROP DATABASE IF EXISTS {name_of(attempts)}")


def measure(client, workspace):
    url = reverse("webhooks:list", args=[workspace.slug])
    newest = Delivery.objects.newest_first()
    pages = {name: url + query for name, query in FILTERS.items()}
    pages["page 200"] = f"{url}?older={newest[10_000].cursor}"
    pages["last page"] = f"{url}?older={newest.reverse()[49].cursor}"
    pages["figures"] = f"{url}figures/"
    pages["number, failed"] = f"{url}tally/?state=failed"
    pages["a workflow"] = f"{url}public_bulk_00000044/"
    return {name: bare.compare(client, address, workspace) for name, address in pages.items()}


def run(sizes):
    figures = []
    for attempts in sizes:
        workspace = enter(attempts)
        user = User.objects.filter(email="admin@example.test").first()
        client = Client()
        client.force_login(user or User.objects.create_superuser("admin@example.test"))
        figures.append(measure(client, workspace))
    report(sizes[1], *figures)


def report(large, before, after):
    heads = f"{'ratio':>8}{'bare':>8}{'to bare':>9}{'naked':>8}{'to it':>8}{'queries':>9}"
    print(f"\n{'milliseconds a page':<26}{SMALL:>10,}{large:>12,}{heads}")
    for name, one in after.items():
        few, small = before[name].queries, before[name].page
        change = f"{few}" if few == one.queries else f"{few} → {one.queries}"
        to_bare = f"{one.bare:>8.1f}{one.page / one.bare:>9.2f}"
        to_naked = f"{one.naked:>8.1f}{one.page / one.naked:>8.2f}"
        print(f"{name:<26}{small:>10.1f}{one.page:>12.1f}{one.page / small:>8.2f}{to_bare}{to_naked}{change:>9}")
    missed = [name for name, one in after.items() if one.page > LIMIT * one.bare]
    print(f"\nwithin {LIMIT} times of bare: {'all' if not missed else 'all but ' + ', '.join(missed)}")


def main(large, *, keep):
    assert connection.vendor == "postgresql", "Set DATABASE_URL to a PostgreSQL."
    logging.disable(logging.INFO)
    settings.ALLOWED_HOSTS.append("testserver")
    settings.ROOT_URLCONF = bare.__name__
    setup_test_environment()
    sizes = (SMALL, large)
    try:
        run(sizes)
    finally:
        if not keep:
            drop(sizes)


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    main(numbers[0] if numbers else 1_000_000, keep="--keep" in sys.argv)
