"""Metrics of the background work: workers and beat, polls, and mail about accounts."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from config import __version__
from config.health import liveness, probes
from core import clock
from workspaces.models import AccountMail, Heartbeat, Poll


def families() -> Iterator[Metric]:
    """Yield every family, in four queries and occasionally more."""
    yield InfoMetricFamily("console", "The version that answers.", value={"version": __version__})
    text = "Whether the encryption keys of the process that answers open any stored credential, or none is stored (1)."
    yield GaugeMetricFamily("console_encryption_keys_up", text, value=float(probes.encryption_keys() == "ok"))
    yield from _processes()
    yield from _polls()
    yield from _account_mail()


def _processes() -> Iterator[Metric]:
    """Yield whether workers and beat are running, for alarms."""
    text = "Whether the work of a queue, and the clock, goes on (1), as pages and /readyz?full say it."
    goes_on = GaugeMetricFamily("console_background_up", text, labels=["name"])
    found = liveness.current_liveness()
    if found.is_known:
        for name in ("clock", *settings.QUEUES):
            goes_on.add_metric([name], float(name not in {one.name for one in found.troubles}))
    yield goes_on
    age = GaugeMetricFamily("console_heartbeat_age_seconds", "Since when nothing was heard.", labels=["kind", "name"])
    workers = GaugeMetricFamily("console_workers", "Workers that live, by queue and state.", labels=["queue", "state"])
    now = clock.cached_now()
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
    now = clock.cached_now()
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


def _account_mail() -> Iterator[Metric]:
    """Yield metrics of mail outside workspaces: invitations, resets, warnings about sign-ins."""
    found = AccountMail.objects.aggregate(count=Count("pk"), oldest=Min("created_at"))
    text = "E-mails about accounts that wait to be sent."
    yield GaugeMetricFamily("console_account_mail_queued", text, value=found["count"])
    age = GaugeMetricFamily("console_account_mail_oldest_age_seconds", "How long the oldest of them has waited.")
    if found["oldest"]:
        age.add_metric([], max(0.0, (clock.cached_now() - found["oldest"]).total_seconds()))
    yield age
