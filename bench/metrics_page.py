"""How long /metrics takes with a thousand workspaces, and how large it is.

Run: python -m bench.metrics_page [workspaces]. SQLite by default; with DATABASE_URL, a scratch database beside that
one. Each workspace has a balance with a day of hours, ten keys, two lists read, a log with a gap, two hosts that
webhooks go to and one of them failing, an alert, a mail that waits, a budget, figures and counts in Redis, and calls
that the rate limiter counted. What is timed is the view, whole, in one process.
"""

import random
import sys
import time
from datetime import timedelta
from statistics import median

from bench.scratch import surroundings  # first: it chooses the settings

# ruff: isort: split
from django.conf import settings
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from alerts.models import Alert, Notification, Recipient
from config.gc_freeze import freeze_loaded_objects
from config.metrics.views import metrics
from keys.models import ApiKey, LogGap
from usage import metrics_cache
from usage.models import BalanceReading
from webhooks.models import Delivery, DeliveryState, Endpoint, Workflow
from workspaces.models import Poll, Workspace
from workspaces.polling import metrics_store, rate_limiter
from workspaces.polling.registry import all_resources

ROUNDS, KEYS, READINGS, DELIVERIES = 15, 10, 40, 5
TOKEN = "a-token-of-the-bench"  # noqa: S105 - opens nothing
NOW = timezone.now()


def fill(count: int) -> None:
    Workspace.objects.bulk_create(
        Workspace(name=f"Customer {n}", slug=f"customer-{n:04}", base_url="http://127.0.0.1:9", organization_id=f"o{n}")
        for n in range(count)
    )
    workspaces = list(Workspace.objects.all())
    _fill_credits(workspaces)
    _fill_keys(workspaces)
    _fill_webhooks(workspaces)
    _fill_alerts(workspaces)
    _fill_redis(workspaces)


def _fill_credits(workspaces: list[Workspace]) -> None:
    BalanceReading.objects.bulk_create(
        BalanceReading(
            workspace=one,
            credits=1000 + place,
            first_read_at=NOW - timedelta(minutes=READINGS - place),
            read_at=NOW - timedelta(minutes=READINGS - place - 1),
        )
        for one in workspaces
        for place in range(READINGS)
    )


def _fill_keys(workspaces: list[Workspace]) -> None:
    facts = {"first_seen_at": NOW, "read_at": NOW, "captured_since": NOW, "captured_count": 5000, "missed_count": 3}
    ApiKey.objects.bulk_create(
        ApiKey(workspace=one, key_id=_uuid(), upstream_id=f"{one.pk}-{n}", **facts)
        for one in workspaces
        for n in range(KEYS)
    )
    keys = ApiKey.objects.filter(upstream_id__endswith="-0")
    span = {"after": NOW, "before": NOW, "detected_at": NOW}
    LogGap.objects.bulk_create(LogGap(key=key, size=3, **span) for key in keys)
    Poll.objects.bulk_create(
        Poll(workspace=one, resource=name, subject=subject, interval_seconds=60, last_success_at=NOW)
        for one in workspaces
        for name, subject in [
            *((name, "") for name in ("balance", "keys", "public_keys", "deliveries")),
            *(("requests", str(n)) for n in range(KEYS)),
        ]
    )


def _uuid() -> str:
    return f"{random.getrandbits(128):032x}"


def _fill_webhooks(workspaces: list[Workspace]) -> None:
    hosts = {"good.example.test": DeliveryState.DELIVERED, "bad.example.test": DeliveryState.FAILED}
    Endpoint.objects.bulk_create(
        Endpoint(workspace=one, host=host, last_attempt_at=NOW) for one in workspaces for host in hosts
    )
    Workflow.objects.bulk_create(
        Workflow(workspace=one, workflow_id=f"{one.pk}-{n}", source="request_log", first_seen_at=NOW)
        for one in workspaces
        for n in range(DELIVERIES)
    )
    Delivery.objects.bulk_create(
        Delivery(
            workspace_id=workflow.workspace_id,
            workflow=workflow,
            url=f"https://{host}/",
            host=host,
            state=state,
            first_attempt_at=NOW - timedelta(seconds=n),
            last_attempt_at=NOW - timedelta(seconds=n),
        )
        for n, workflow in enumerate(Workflow.objects.all())
        for host, state in hosts.items()
    )


def _fill_alerts(workspaces: list[Workspace]) -> None:
    dates = {"started_at": NOW, "fired_at": NOW, "evaluated_at": NOW}
    Alert.objects.bulk_create(
        Alert(workspace=one, kind="balance_below", rule_name="Low", severity="warning", state="firing", **dates)
        for one in workspaces
    )
    Recipient.objects.bulk_create(Recipient(workspace=one, address=f"{one.pk}@example.test") for one in workspaces)
    Notification.objects.bulk_create(
        Notification(workspace=one.workspace, recipient=one, kind="firing", key=f"{one.pk}", message_id=f"{one.pk}")
        for one in Recipient.objects.select_related("workspace")
    )


def _fill_redis(workspaces: list[Workspace]) -> None:
    at, budget = NOW.timestamp(), metrics_cache.BudgetMetrics(1000, 400, 410, 420)
    known = metrics_cache.CachedMetrics(at, 123.4, 5.6, at + 1e5, at + 2e5, at + 3e5, budget)
    metrics_cache._store({one.pk: known for one in workspaces})  # noqa: SLF001 - what landings do
    for one in workspaces:
        for what in ("2xx", "4xx", "5xx"):
            metrics_store.count_for_workspace(one.pk, what, 1000)
        rate_limiter.record([(one.rate_limited_as, resource.endpoint) for resource in all_resources()])
    metrics_store.flush()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    settings.METRICS_TOKEN = TOKEN
    fill(count)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    freeze_loaded_objects()  # as web processes do
    request = RequestFactory().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with CaptureQueriesContext(connection) as queries:
        answer = metrics(request)
    samples = sum(len(one.samples) for one in text_string_to_metric_families(answer.content.decode()))
    times, used = [], []
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time()
        metrics(request)
        times.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - cpu))
    print(f"{count} workspaces on {connection.vendor}: {samples:,} samples, {len(answer.content):,} bytes", end=", ")
    print(f"{len(queries)} queries; {median(times):.0f} ms (best {min(times):.0f}), of that {median(used):.0f} ms here")
    for query in sorted(queries.captured_queries, key=lambda one: -float(one["time"]))[:6]:
        print(f"  {1000 * float(query['time']):5.0f} ms  {query['sql'][:150]}")


if __name__ == "__main__":
    with surroundings():
        main()
