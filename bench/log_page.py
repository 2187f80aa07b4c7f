"""The log page over a small and a large log, in turns, on the PostgreSQL at DATABASE_URL.

    DATABASE_URL=postgres://… python -m bench.log_page [rows of the large log, 1,000,000 by default] [--keep]

The logs are those of ``bench.log_database``; ``--keep`` leaves them for the next run. Each figure is the median over 15
rounds of the whole page through Django's test client (URL, session, queries, template; no network). A round asks every
page of the small log and then of the large one, so that what else the machine does meets both alike. "table" is the
keyset query through the ORM and the template of its 50 rows alone; "bare" is a page as ``bench.bare`` makes it, best of
15 requests beside as many of the page. What matches rarely shows fewer rows in the small log: "rows" says how many in
each. "charts" is the database's time for 30 days by hour and class of status, from the rollup and beside it directly
from the rows (asked once).
"""

import logging
import os
import resource
import statistics
import sys
import time
from collections import defaultdict
from datetime import timedelta
from types import SimpleNamespace

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.db.models.functions import TruncHour  # noqa: E402
from django.http import HttpResponse, QueryDict  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import bare, log_database  # noqa: E402
from core.export import csv_lines  # noqa: E402
from core.pagination import row_urls  # noqa: E402
from keys.log.search.export import ExportLine, export_lines  # noqa: E402
from keys.log.search.filters import LogScope  # noqa: E402
from keys.models import ApiKey, KeyTraffic, LoggedRequest, WorkspaceTraffic  # noqa: E402
from workspaces.models import User, Workspace  # noqa: E402

SMALL = 100_000
ROUNDS = 15
DEEP = 5_000 * 50
FILTERS = {
    "no filter": "",
    "one rare status": "?status=503",
    "status class": "?status=4xx",
    "path prefix": "?path=/api/v1/public/enrich",
    "path part": "?path=bulk",
    "rare path": "?path==/api/v1/public/whoami",
    "one IP address": "?ip=10.0.3.77",
    "network": "?ip=10.0.3.0/24",
    "rare agent": "?agent=legacy",
    "agent, slow, 7 days": "?agent=requests&slower=400&since=7d",
    "status, path, agent": "?status=4xx&path=bulk&agent=2.32.2&method=POST",
    "never together": "?status=503&agent=legacy",
    "matches nothing": "?agent=nowhere",
    "frequent word": "?q=bulk",
    "rare word": "?q=legacy",
    "several words": "?q=post+bulk+429",
    "word of no request": "?q=nowhere",
}


class Pages:
    """The pages of one log, each a function of no argument."""

    def __init__(self, client: Client, rows: int) -> None:
        self.workspace, self.busy = Workspace.objects.get(), ApiKey.objects.order_by("upstream_id")[0]
        self.client, self.all, self.urls = client, {}, {}
        self.request = client.get("/").wsgi_request
        self._add("of a key", LogScope(self.workspace, self.busy), rows // 5)
        self._add("of all keys", LogScope(self.workspace), rows)

    def _add(self, where: str, scope: LogScope, rows: int) -> None:
        names = [self.workspace.slug, *([scope.key.key_id] if scope.key else [])]
        url = reverse("keys:requests" if scope.key else "keys:log", args=names)
        deep = scope.rows.newest_first()[min(DEEP, rows * 9 // 10)].cursor
        for name, query in FILTERS.items():
            self._page(f"{where}, {name}", url + query)
        for name in ("no filter", "path part", "status, path, agent"):
            query = f"{FILTERS[name] or '?'}&older={deep}".replace("?&", "?")
            self._page(f"{where}, {name}, deep", url + query)
        self.all[f"{where}, table"] = lambda: self.table(scope)
        self.all[f"{where}, charts"] = lambda: list(self.cells(scope))

    def _page(self, name: str, url: str) -> None:
        self.urls[name] = url
        self.all[name] = lambda: self.client.get(url)

    def rows(self, scope: LogScope) -> list[LoggedRequest]:
        """Read the newest rows, and nothing else."""
        rows = list(scope.rows.by_customer().select_related("key").newest_first()[:51])[:50]
        for row in rows:
            row.is_new, row.gaps_below = False, []
        return rows

    def table(self, scope: LogScope) -> None:
        """Read them and render their table."""
        context = {"page": SimpleNamespace(rows=self.rows(scope)), "workspace": self.workspace, "key": scope.key}
        context |= row_urls("/w/bench/requests/", QueryDict())
        render_to_string("keys/log/table.html", context, self.request)

    def cells(self, scope: LogScope):
        """Return 30 days by hour and class of status, from the rollup."""
        cells = KeyTraffic.objects.filter(key=scope.key) if scope.key else WorkspaceTraffic.objects.all()
        now = timezone.now()
        found = cells.everything().between(now - timedelta(days=30), now)
        return found.values_list("hour", "status_class", "count")

    def direct(self, scope: LogScope):
        """Return the same, counted from the rows."""
        recent = scope.rows.by_customer().filter(created_at__gte=timezone.now() - timedelta(days=30))
        return (
            recent.order_by()
            .annotate(hour=TruncHour("created_at"))
            .values_list("hour", "status_code")
            .annotate(n=Count("pk"))
        )


def measure(sizes: tuple[int, int]) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, int]]]:
    """Return the milliseconds of each page of each log, and how many rows it shows."""
    took = {rows: defaultdict(list) for rows in sizes}
    shown, pages = {rows: {} for rows in sizes}, {}
    for rows in sizes:
        client = enter(rows)
        pages[rows] = Pages(client, rows)
    for _ in range(ROUNDS + 1):
        for rows in sizes:
            log_database.use(log_database.name_of(rows))
            connection.ensure_connection()
            for name, page in pages[rows].all.items():
                began = time.perf_counter()
                answer = page()
                took[rows][name].append((time.perf_counter() - began) * 1000)
                if isinstance(answer, HttpResponse):
                    shown[rows][name] = answer.content.count(b"<tr data-row")
    medians = {
        rows: {name: statistics.median(times[1:]) for name, times in found.items()} for rows, found in took.items()
    }
    return medians, shown


def compare(rows: int) -> dict[str, bare.Compared]:
    """Measure each page of the log beside a bare one."""
    pages = Pages(enter(rows), rows)
    return {name: bare.compare(pages.client, url, pages.workspace) for name, url in pages.urls.items()}


def enter(rows: int) -> Client:
    log_database.open_log(rows)
    user = User.objects.filter(email="admin@example.test").first()
    client = Client()
    client.force_login(user or User.objects.create_superuser("admin@example.test"))
    return client


def database_time(rows: int) -> None:
    """Print how long the database takes for the charts, by its own account."""
    pages = Pages(enter(rows), rows)
    for where, scope in (
        ("a workspace", LogScope(pages.workspace)),
        ("its busiest key", LogScope(pages.workspace, pages.busy)),
    ):
        times = [executed(pages.cells(scope)) for _ in range(9)]
        direct = executed(pages.direct(scope))
        print(f"charts of {where}: {statistics.median(times):.1f} ms of database time; directly {direct:,.0f} ms")


def executed(found) -> float:
    plan = found.explain(analyze=True, format="json")
    return float(plan.partition('"Execution Time": ')[2].partition("}")[0].strip().rstrip(","))


def export() -> None:
    workspace = Workspace.objects.get()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    rows = LoggedRequest.objects.of(workspace).filter(created_at__gte=timezone.now() - timedelta(days=9))
    lines, size = 0, 0
    for line in csv_lines(ExportLine._fields, export_lines(rows, workspace)):
        lines, size = lines + 1, size + len(line)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = time.perf_counter() - began
    print(f"export: {lines:,} lines, {size / 1e6:,.0f} MB in {seconds:,.1f} s; the process grew by {grown:,.1f} MB")


def main(large: int, *, keep: bool) -> None:
    assert connection.vendor == "postgresql", "Set DATABASE_URL to a PostgreSQL."
    logging.disable(logging.INFO)
    setup_test_environment()
    settings.ROOT_URLCONF = bare.__name__
    try:
        figures, shown = measure((SMALL, large))
        beside = compare(large)
        heads = f"{'ratio':>8}{'rows':>9}{'to bare':>9}{'to table':>10}"
        print(f"\n{'milliseconds a page':<40}{SMALL:>12,}{large:>12,}{heads}")
        for name, slow in figures[large].items():
            fast, rows = figures[SMALL][name], "/".join(str(shown[size].get(name, "")) for size in (SMALL, large))
            to_bare = f"{beside[name].page / beside[name].bare:.2f}" if name in beside else ""
            to_table = f"{slow / figures[large][name.split(',')[0] + ', table']:>10.2f}"
            print(f"{name:<40}{fast:>12.1f}{slow:>12.1f}{slow / fast:>8.2f}{rows:>9}{to_bare:>9}{to_table}")
        database_time(large)
        export()
    finally:
        if not keep:
            log_database.drop((SMALL, large))


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    main(numbers[0] if numbers else 1_000_000, keep="--keep" in sys.argv)
