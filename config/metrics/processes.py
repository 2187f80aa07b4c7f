"""Counters of all of the console's processes, and the rest of their rate limit."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import redis
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from workspaces.models import Workspace
from workspaces.models.workspace import rate_limit_key
from workspaces.polling import metrics_store, rate_limiter
from workspaces.polling.metrics_store import MetricValue, RedisMetric
from workspaces.polling.registry import all_resources


def families() -> Iterator[Metric]:
    """Yield every family, in one query; if Redis is unreachable, only that fact."""
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
