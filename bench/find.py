"""The search over a large log, on the PostgreSQL at DATABASE_URL.

    DATABASE_URL=postgres://… python -m bench.find [rows of the log, 1,000,000 by default] [--keep]

The log is that of ``bench.log_database``, with as many workflows and delivery attempts as a hundredth of its rows. For
each text it prints the median over 15 requests of the dialog's answer through Django's test client, how many queries it
took and how long all of them, and the slowest beside a look-up of one row by its primary key, all by the database's own
account. With ``--plans`` also that query's plan.
"""

import logging
import os
import statistics
import sys
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from bench import log_database  # noqa: E402
from keys.models import LoggedRequest  # noqa: E402
from workspaces.models import User, Workspace  # noqa: E402

ROUNDS = 15
WORKFLOWS = """
INSERT INTO webhooks_workflow (workspace_id, workflow_id, source, first_seen_at, status, summary, enrichment_type,
                               status_error, status_gone)
SELECT %s, 'public_bulk_' || md5(n::text), 'deliveries', now(), '', '{}', '', '', false
FROM generate_series(1, %s) AS n;
INSERT INTO webhooks_delivery (workspace_id, workflow_id, url, host, state, reason, attempts, runs, first_attempt_at,
                               last_attempt_at, last_error, next_is_estimate)
SELECT workspace_id, id, 'https://hooks.example.com/', 'hooks.example.com', 'delivered', '', 1, 1, now(), now(), '',
       false
FROM webhooks_workflow;
INSERT INTO webhooks_attempt (delivery_id, workspace_id, upstream_id, run, number, status, acknowledged, reason, error,
                              at, at_is_estimate)
SELECT id, workspace_id, 'attempt_' || id || '#1', 1, 1, 'success', true, '', '', now(), false FROM webhooks_delivery;
ANALYZE
"""


def fill(rows: int) -> None:
    workspace = Workspace.objects.get()
    if not workspace.workflows.exists():
        with connection.cursor() as cursor:
            cursor.execute(WORKFLOWS, [workspace.pk, rows // 100])


def texts(rows: int) -> dict[str, str]:
    """Return a text of each kind that finds something, and one that does not."""
    workflow = Workspace.objects.get().workflows.order_by("pk")[rows // 200].workflow_id
    return {
        "name of a key": "Key 07",
        "page": "audit",
        "request id": f"r{rows // 2:06}",
        "no id of anything": "req-nowhere-7",
        "workflow id": workflow,
        "beginning of all workflow ids": "public_bulk_",
        "IP address": "10.0.3.77",
        "beginning of an address": "10.0.3.",
        "network": "10.0.3.0/24",
        "path": "/api/v1/public/enrich",
        "path with an id": f"/api/v1/public/enrichment/status/{workflow}",
    }


def executed(sql: str) -> tuple[float, str]:
    """Return the milliseconds of a query by the database's own account, the best of five, and its plan."""
    best = (float("inf"), "")
    with connection.cursor() as cursor:
        for _ in range(5):
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            best = min(best, (float(plan.rpartition("Execution Time: ")[2].split()[0]), plan))
    return best


def measure(client: Client, text: str) -> tuple[float, list[str]]:
    """Return the median of the milliseconds of an answer, and its queries."""
    took = []
    url, headers = "/w/bench/find/", {"HX-Request": "true"}
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url, {"q": text}, headers=headers).status_code == 200
    queries = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]  # the next request clears them
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(url, {"q": text}, headers=headers)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), queries


def main(rows: int, *, keep: bool, plans: bool) -> None:
    assert connection.vendor == "postgresql", "Set DATABASE_URL to a PostgreSQL."
    logging.disable(logging.INFO)
    setup_test_environment()
    try:
        log_database.open_log(rows)
        fill(rows)
        user = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("admin@example.test")
        client = Client()
        client.force_login(user)
        one = LoggedRequest.objects.order_by("-created_at")[0]
        by_key, _ = executed(
            f"SELECT * FROM keys_loggedrequest WHERE id = {one.pk} AND created_at = '{one.created_at.isoformat()}'"  # noqa: S608
        )
        print(f"{rows:,} requests; a row by its primary key takes the database {by_key:.3f} ms")
        print(f"{'text':<32}{'answer ms':>10}{'queries':>9}{'all, ms':>9}{'slowest':>9}{'to a row':>10}")
        for name, text in texts(rows).items():
            median, queries = measure(client, text)
            times = [executed(query) for query in queries]
            slowest, plan = max(times)
            total = sum(each for each, _ in times)
            print(f"{name:<32}{median:>10.1f}{len(times):>9}{total:>9.2f}{slowest:>9.2f}{slowest / by_key:>10.1f}")
            if plans:
                print(plan)
    finally:
        if keep:
            connection.close()
        else:
            log_database.drop([rows])


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    main(numbers[0] if numbers else 1_000_000, keep="--keep" in sys.argv, plans="--plans" in sys.argv)
