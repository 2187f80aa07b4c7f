"""The pages of webhooks over a small and a large history: PostgreSQL at DATABASE_URL, whose test database is made anew.

    DATABASE_URL=postgres://… python bench/webhook_pages.py [attempts of the large history, 1,000,000 by default]

20 endpoints, 90 days; a quarter of the deliveries fail for good. Each figure is the best of 15 requests of the whole
page through Django's test client (no network), after two that are not counted. "bare" is every statement that the page
sends, through a cursor, and its template over the same rows; "queries" is how many statements that are. What counts
are the ratios within one run.
"""

import logging
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.db import connection  # noqa: E402
from django.template import Context, loader  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from webhooks import counting  # noqa: E402
from webhooks.models import Delivery  # noqa: E402
from workspaces.models import User, Workspace  # noqa: E402

SMALL, ROUNDS = 100_000, 15
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
TABLES = ("webhooks_attempt", "webhooks_delivery", "webhooks_workflow")
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


def fill(workspace, attempts):
    began, facts = time.perf_counter(), {"workspace": workspace.pk, "deliveries": attempts // 2}
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        for statement in (WORKFLOWS, DELIVERIES, ATTEMPTS):
            cursor.execute(statement, facts)
    counting.recount(workspace)
    with connection.cursor() as cursor:
        for table in (*TABLES, "webhooks_endpointhour", "webhooks_endpoint"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("SELECT count(*) FROM webhooks_attempt")
        count = cursor.fetchone()[0]
    print(f"{count:,} attempts filled in {time.perf_counter() - began:,.0f} s", flush=True)


def milliseconds(*works):
    """Return the best time of each; they take turns, so that what else the machine does falls on all alike."""
    times = [[] for _ in works]
    for _ in range(ROUNDS + 2):
        for work, found in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            found.append((time.perf_counter() - began) * 1000)
    return [min(found[2:]) for found in times]


def bare(answer, statements):
    """Return the work of a page without Django around it."""
    template = loader.get_template(answer.templates[0].name).template
    context = Context(answer.context[0].flatten())
    context.request = answer.wsgi_request
    selects = [one["sql"].replace("%", "%%") for one in statements if one["sql"].startswith("SELECT")]

    def work():
        with connection.cursor() as cursor:
            for sql in selects:
                cursor.execute(sql)
                cursor.fetchall()
        template.render(context)

    return work


def measure(client, workspace):
    url = reverse("webhooks:list", args=[workspace.slug])
    newest = Delivery.objects.newest_first()
    pages = {name: url + query for name, query in FILTERS.items()}
    pages["page 200"] = f"{url}?older={newest[10_000].place}"
    pages["last page"] = f"{url}?older={newest.reverse()[49].place}"
    pages["figures alone"] = f"{url}figures/"
    pages["a workflow"] = f"{url}public_bulk_00000044/"
    found = {}
    for name, address in pages.items():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200, address
        statements = list(queries.captured_queries)  # now: the next request forgets them
        page, floor = milliseconds(lambda address=address: client.get(address), bare(answer, statements))
        found[name] = (len(statements), page, floor)
    return found


def run(large):
    django.conf.settings.ALLOWED_HOSTS.append("testserver")
    workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9", api_key=None)
    client = Client()
    client.force_login(User.objects.create_superuser("admin@example.test", "x"))
    figures = []
    for attempts in (SMALL, large):
        fill(workspace, attempts)
        figures.append(measure(client, workspace))
    print(f"\n{'milliseconds a page':<26}{SMALL:>10,}{large:>12,}{'ratio':>8}{'bare':>8}{'to bare':>9}{'queries':>10}")
    for name, (queries, page, floor) in figures[1].items():
        few, small, _ = figures[0][name]
        told = f"{few}" if few == queries else f"{few} → {queries}"
        print(f"{name:<26}{small:>10.1f}{page:>12.1f}{page / small:>8.2f}{floor:>8.1f}{page / floor:>9.2f}{told:>10}")
    missed = [name for name, (queries, page, floor) in figures[1].items() if page > LIMIT * floor]
    print(f"\nwithin {LIMIT} times of bare: {'all' if not missed else 'all but ' + ', '.join(missed)}")


def main():
    assert connection.vendor == "postgresql", "Set DATABASE_URL to a PostgreSQL."
    logging.disable(logging.INFO)
    setup_test_environment()
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        run(large)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
