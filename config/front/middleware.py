"""The outermost middleware: headers of every response, probes, request metrics."""

import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config.front.meters import REQUESTS, SECONDS
from config.health.probes import healthz, readyz
from config.metrics.views import metrics
from config.web.headers import HEADERS, OF_PARTS

_PARTS = ("text/css", "text/javascript")
Handler = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger(__name__)


def common_headers(get_response: Handler) -> Handler:
    """Add the security headers to every response, including static files and errors."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = OF_PARTS if response.headers.get("Content-Type", "").startswith(_PARTS) else HEADERS
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def probes(get_response: Handler) -> Handler:
    """Answer load balancers, supervisors and scrapers directly: for any host, over HTTP too, and without logging."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = _PROBES.get(request.path)
        return view(request) if view else get_response(request)

    return middleware


_PROBES: dict[str, Handler] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def count_requests(get_response: Handler) -> Handler:
    """Count responses and the time until they begin, by view name."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        seconds = time.perf_counter() - began
        view = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in _METHODS else "other"
        SECONDS.observe(seconds, view)
        REQUESTS.count(view, str(method), str(response.status_code))
        return response

    return middleware


_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def warn_of_untrusted_proxy(get_response: Handler) -> Handler:
    """Warn, at most once per hour and process, that there seems to be an untrusted proxy in front."""
    next_time = 0.0

    def middleware(request: HttpRequest) -> HttpResponseBase:
        nonlocal next_time
        is_forwarded = not _FORWARDED.isdisjoint(request.META)
        if is_forwarded and not settings.TRUSTED_PROXY_COUNT and time.monotonic() >= next_time:
            next_time = time.monotonic() + WARNING_SECONDS
            log.warning("forwarded_headers_not_believed", **_ADVICE)
        return get_response(request)

    return middleware


WARNING_SECONDS = 3600
_FORWARDED = {"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"}
_ADVICE = {
    "help": "X-Forwarded-For or -Proto arrived, and TRUSTED_PROXY_COUNT is 0. If a proxy of yours is in front, set it "
    "to the number of proxies; until then everyone seems to come from the proxy's address, and limits are shared."
}
