"""Metrics of the console as a whole: workers, beat, polls, account mail, what processes count, and the rate limit."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import redis
from django.conf import settings
from django.db.models import Count, Min, Q
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from config import __version__
from config.health import liveness, probes
from core import clock
from workspaces.models import AccountMail, Heartbeat, Poll, Workspace
from workspaces.models.workspace import rate_limit_key
from workspaces.polling import metrics_store, rate_limiter
from workspaces.polling.metrics_store import MetricValue, RedisMetric
from workspaces.polling.registry import all_resources


def families() -> Iterator[Metric]:
    """Yield every family, in five queries and occasionally more."""
    yield InfoMetricFamily("console", "The version that answers.", value={"version": __version__})
    text = "Whether the encryption keys of the process that answers open any stored credential, or none is stored (1)."
    yield GaugeMetricFamily("console_encryption_keys_up", text, value=float(probes.encryption_keys() == "ok"))
    yield from _processes()
    yield from _polls()
    yield from _account_mail()
    yield from _counters()


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
    text = "Emails about accounts that wait to be sent."
    yield GaugeMetricFamily("console_account_mail_queued", text, value=found["count"])
    age = GaugeMetricFamily("console_account_mail_oldest_age_seconds", "How long the oldest of them has waited.")
    if found["oldest"]:
        age.add_metric([], max(0.0, (clock.cached_now() - found["oldest"]).total_seconds()))
    yield age


def _counters() -> Iterator[Metric]:
    """Yield what all processes have counted, in one query; if Redis is unreachable, only that fact."""
    text = "Whether Redis could be read, which holds what the processes have counted (1)."
    try:
        found = [*(_family(meter, counts) for meter, counts in metrics_store.read_metrics()), *_headroom()]
    except redis.RedisError:
        found = []
    yield GaugeMetricFamily("console_redis_up", text, value=float(bool(found)))
    yield from found


def _family(meter: RedisMetric, counts: Sequence[MetricValue]) -> Metric:
    if not meter.bounds:
        counter = CounterMetricFamily(meter.name, meter.text, labels=meter.labels)
        for count in counts:
            counter.add_metric(count.values, count.total)
        return counter
    histogram = HistogramMetricFamily(meter.name, meter.text, labels=meter.labels)
    ends = [*map(floatToGoString, meter.bounds), "+Inf"]
    for count in counts:
        reached = accumulate(count.buckets)
        histogram.add_metric(count.values, list(zip(ends, reached, strict=True)), count.total)
    return histogram


def _headroom() -> Iterator[Metric]:
    """Yield the unused part of the console's rate limit share, for the organization with the least left."""
    shares: dict[str, int] = {}
    for resource in all_resources():
        share = rate_limiter.share(resource.limit_per_minute)
        shares[resource.endpoint] = min(share, shares.get(resource.endpoint, share))
    known = Workspace.objects.values_list("pk", "organization_id")
    room = rate_limiter.remaining_calls(sorted({rate_limit_key(*one) for one in known}), shares)
    text = "Background calls that the share of the rate limit allows an organization in a minute."
    allowed = GaugeMetricFamily("console_limiter_share_calls", text, labels=["endpoint"])
    text = "Background calls that it leaves now, to the organization with fewest."
    fewest = GaugeMetricFamily("console_limiter_headroom_calls", text, labels=["endpoint"])
    text = "Organizations that it leaves none now."
    exhausted = GaugeMetricFamily("console_limiter_exhausted_organizations", text, labels=["endpoint"])
    for endpoint, share in shares.items():
        allowed.add_metric([endpoint], share)
        if endpoint in room:
            fewest.add_metric([endpoint], room[endpoint].fewest)
            exhausted.add_metric([endpoint], room[endpoint].exhausted)
    yield from (allowed, fewest, exhausted)
