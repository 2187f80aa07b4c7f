"""Counters of responses to people."""

from workspaces.polling.metrics_store import RedisMetric

SECONDS = RedisMetric(
    "console_http_request_duration_seconds",
    "How long answers took to make, by view; none is of files and addresses that no view has.",
    ("view",),
    (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
REQUESTS = RedisMetric("console_http_requests_total", "Requests that were answered.", ("view", "method", "status"))
REFUSED = RedisMetric("console_http_refused_total", "Requests that were refused before a view saw them.", ("status",))
