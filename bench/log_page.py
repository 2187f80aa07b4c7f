"""The log page over a small and a large log: PostgreSQL at DATABASE_URL, whose test database is made and dropped.

    DATABASE_URL=postgres://… python bench/log_page.py [rows of the large log, 1,000,000 by default]

50 keys, 90 days, one key with a fifth of the traffic. Each figure is the median of 15 requests of the whole page
through Django's test client (URL, session, queries, template; no network), after two that are not counted. "bare" is
the keyset query through the ORM and the table's template alone. What counts are the ratios within one run.
"""

import os
import resource
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import logging

import django

django.setup()

from django.db import connection  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from keys.log.export import lines_of  # noqa: E402
from keys.models import ApiKey, LoggedRequest  # noqa: E402
from workspaces.models import User, Workspace  # noqa: E402

SMALL = 100_000
KEYS, ROUNDS = 50, 15
FILTERS = {
    "no filter": "",
    "one rare status": "?status=503",
    "status class": "?status=4xx",
    "path prefix": "?path=/api/v1/public/enrich",
    "path part": "?path=bulk",
    "one IP address": "?ip=10.0.3.77",
    "network": "?ip=10.0.3.0/24",
    "agent, slow, 7 days": "?agent=requests&slower=400&since=7d",
    "matches nothing": "?agent=nowhere",
}
FILL = """
INSERT INTO keys_loggedrequest (key_id, workspace_id, upstream_id, method, path, status_code, duration_ms, ip_address,
                                user_agent, created_at, is_own_call)
SELECT k.id, k.workspace_id, 'r' || n, 'GET',
       '/api/v1/public/' || (ARRAY['enrich/bulk', 'enrich/status', 'credits/balance'])[1 + n %% 3],
       CASE WHEN n %% 20000 = 7 THEN 503 WHEN n %% 50 = 0 THEN 429 ELSE 200 END, n %% 500,
       '10.0.' || n %% 16 || '.' || (n / 16) %% 200, 'python-requests/2.32.' || n %% 4,
       now() - (n::float / %s) * interval '90 days', n %% 97 = 0
FROM generate_series(1, %s) AS n
JOIN (SELECT id, workspace_id, row_number() OVER (ORDER BY id) - 1 AS place FROM keys_apikey) AS k
  ON k.place = CASE WHEN n %% 5 = 0 THEN 0 ELSE n %% %s END
"""


def fill(rows):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE keys_loggedrequest")
        cursor.execute(FILL, [rows, rows, KEYS])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE keys_loggedrequest")


def milliseconds(work):
    times = []
    for number in range(ROUNDS + 2):
        began = time.perf_counter()
        work()
        if number >= 2:
            times.append((time.perf_counter() - began) * 1000)
        elif time.perf_counter() - began > 3:
            return (time.perf_counter() - began) * 1000  # too slow to ask fifteen times
    return statistics.median(times)


def measure(client, workspace):
    busy = ApiKey.objects.order_by("pk").first()
    pages = {"of a key": reverse("keys:requests", args=[workspace.slug, busy.key_id])}
    pages["of all keys"] = reverse("keys:log", args=[workspace.slug])
    found = {}
    request = client.get(pages["of a key"]).wsgi_request
    for where, url in pages.items():
        scope = LoggedRequest.objects.filter(key=busy) if where == "of a key" else LoggedRequest.objects.of(workspace)
        deep = scope.newest_first()[250 * 50 : 250 * 50 + 1][0].place if scope.count() > 12_600 else None
        far = scope.newest_first().reverse()[500].place
        for name, query in FILTERS.items():
            found[f"{where}, {name}"] = milliseconds(lambda url=url, query=query: client.get(url + query))
        if deep:
            found[f"{where}, page 250"] = milliseconds(lambda url=url, deep=deep: client.get(f"{url}?older={deep}"))
        found[f"{where}, last pages"] = milliseconds(lambda url=url, far=far: client.get(f"{url}?older={far}"))
        found[f"{where}, figures"] = milliseconds(lambda url=url: client.get(url + "figures/"))
        found[f"{where}, bare"] = milliseconds(lambda scope=scope: bare(scope, workspace, busy, request))
    return found


def bare(scope, workspace, key, request):
    rows = list(scope.by_customer().select_related("key").newest_first()[:51])[:50]
    context = {"page": SimpleNamespace(rows=rows), "workspace": workspace, "key": key}
    render_to_string("keys/log/table.html", context, request)


def export(workspace):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    size = sum(map(len, lines_of(LoggedRequest.objects.of(workspace), workspace, "csv")))
    seconds = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"export: {size / 1e6:,.0f} MB in {seconds:,.1f} s; the process grew by {grown:,.1f} MB")


def main():
    assert connection.vendor == "postgresql", "Set DATABASE_URL to a PostgreSQL."
    logging.disable(logging.INFO)
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        run(large)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def run(large):
    django.conf.settings.ALLOWED_HOSTS.append("testserver")
    workspace = Workspace.objects.create(name="Bench", slug="bench", base_url="http://127.0.0.1:9")
    now = timezone.now()
    ApiKey.objects.bulk_create(
        ApiKey(
            workspace=workspace,
            name=f"Key {n}",
            upstream_id=f"k{n}",
            key_id=ApiKey().pk,
            first_seen_at=now,
            read_at=now,
        )
        for n in range(KEYS)
    )
    client = Client()
    client.force_login(User.objects.create_superuser("admin@example.test", "x"))
    figures = []
    for rows in (SMALL, large):
        began = time.perf_counter()
        fill(rows)
        print(f"{rows:,} rows filled in {time.perf_counter() - began:,.0f} s", flush=True)
        figures.append(measure(client, workspace))
    print(f"\n{'milliseconds a page':<36}{SMALL:>12,}{large:>12,}{'ratio':>8}{'to bare':>9}")
    for name, slow in figures[1].items():
        fast = figures[0].get(name)
        bare_time = figures[1][f"{name.split(',')[0]}, bare"]
        ratio = f"{slow / fast:.2f}" if fast else "-"
        print(f"{name:<36}{fast or 0:>12.1f}{slow:>12.1f}{ratio:>8}{slow / bare_time:>9.2f}")
    export(workspace)


if __name__ == "__main__":
    main()
