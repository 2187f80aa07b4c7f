"""What Prometheus scrapes: read from the database at that moment, so that every web process tells the same."""

from collections.abc import Iterator
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboard import __version__, liveness
from keys.models import ApiKey, LogGap
from workspaces import clock
from workspaces.models import Heartbeat, Poll, Workspace


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scraper that shows METRICS_TOKEN as its bearer token; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Metrics are off. Set METRICS_TOKEN to switch them on.\n", status=404)
    shown = request.headers.get("Authorization", "")
    if not compare_digest(shown.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse("Wrong or missing bearer token.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(ConsoleCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class ConsoleCollector(Collector):
    """The state of polling and capture over all workspaces, in a constant number of queries."""

    def describe(self) -> list[Metric]:
        """Return nothing: asking for the names must not query the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily("console", "The version that answers.", value={"version": __version__})
        yield _gauge("console_workspaces", "Connected workspaces.", Workspace.objects.count())
        yield from _background()
        yield from _polls()
        yield from _log()


def _background() -> Iterator[Metric]:
    """Yield how the background work goes: what alarms should look at."""
    text = "Whether the work of a queue, and the clock, goes on (1), as pages and /readyz?full say it."
    goes_on = GaugeMetricFamily("console_background_up", text, labels=["name"])
    found = liveness.current()
    for name in ("clock", *settings.QUEUES):
        goes_on.add_metric([name], float(found.is_known and name not in {one.name for one in found.troubles}))
    yield goes_on
    age = GaugeMetricFamily("console_heartbeat_age_seconds", "Since when nothing was heard.", labels=["kind", "name"])
    workers = GaugeMetricFamily("console_workers", "Workers that live, by queue and state.", labels=["queue", "state"])
    now = clock.moment()
    counts = dict.fromkeys(((queue, state) for queue in settings.QUEUES for state in ("free", "busy")), 0)
    for beat in Heartbeat.objects.exclude(kind=Heartbeat.Kind.PROBE):
        seconds = max(0.0, (now - beat.beat_at).total_seconds())
        if beat.kind != Heartbeat.Kind.WORKER:
            age.add_metric([beat.kind, beat.name], seconds)
        elif seconds <= liveness.LATE_SECONDS:
            for queue in set(beat.queues.split()) & set(settings.QUEUES):
                counts[queue, "busy" if beat.is_busy else "free"] += 1
    for (queue, state), count in counts.items():
        workers.add_metric([queue, state], count)
    yield age
    yield workers


def _polls() -> Iterator[Metric]:
    now = clock.moment()
    running = Q(paused_reason="", leased_until__gt=now)
    late = Q(paused_reason="", next_run_at__lte=now) & ~Q(leased_until__gt=now)
    states = {
        "running": running,
        "due": late,
        "failing": Q(paused_reason="", consecutive_failures__gt=0),
        "paused": ~Q(paused_reason=""),
    }
    counts = {name: Count("pk", filter=condition) for name, condition in states.items()}
    polls = GaugeMetricFamily("console_polls", "Polls by resource and state.", labels=["resource", "state"])
    lag = GaugeMetricFamily("console_poll_lag_seconds", "How overdue the oldest due poll is.", labels=["resource"])
    oldest = Min("next_run_at", filter=late)
    rows: Any = Poll.objects.values("resource").annotate(**counts, oldest=oldest).order_by("resource")
    for row in rows:
        for name in states:
            polls.add_metric([row["resource"], name], row[name])
        lag.add_metric([row["resource"]], (now - row["oldest"]).total_seconds() if row["oldest"] else 0)
    yield polls
    yield lag


def _log() -> Iterator[Metric]:
    totals = ApiKey.objects.aggregate(captured=Sum("captured_count"), missed=Sum("missed_count"))
    captured, missed = totals["captured"] or 0, totals["missed"] or 0
    yield _gauge("console_log_captured_rows", "Requests captured from the logs of the keys there are.", captured)
    yield _gauge("console_log_missed_rows", "Requests that upstream counted and no longer showed.", missed)
    yield _gauge("console_log_gaps", "Gaps in the logs of the keys there are.", LogGap.objects.count())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
