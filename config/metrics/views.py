"""The metrics page for Prometheus, computed on request from common stores, so that any web process can serve it."""

from collections.abc import Iterable
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from config.metrics import background, workspaces
from core import clock


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Serve metrics to a scraper with METRICS_TOKEN as its bearer token; without that setting, respond with 404."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Metrics are off. Set METRICS_TOKEN to switch them on.\n", status=404)
    shown = request.headers.get("Authorization", "")
    if not compare_digest(shown.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse("Wrong or missing bearer token.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


@clock.cache_now()
def text() -> bytes:
    """Return all metrics, in a fixed number of queries."""
    registry = CollectorRegistry()
    registry.register(_Families(list(background.families())))
    return generate_latest(registry) + workspaces.text().encode()


class _Families(Collector):
    """Families that have already been read."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def describe(self) -> list[Metric]:
        """Return nothing: each registry holds them once."""
        return []

    def collect(self) -> Iterable[Metric]:
        return self._families
