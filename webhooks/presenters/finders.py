"""What of webhooks can be found: workflows, delivery attempts by id, and endpoints."""

import re
from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse

from core.formatting import format_time
from webhooks.filters import link_to
from webhooks.models import Attempt, Endpoint, Workflow
from webhooks.models.workflow import BULK_ID_PREFIX
from workspaces.find.query import Kind
from workspaces.find.registry import Destination, Finder, Found, Search, register, register_destinations
from workspaces.models import Role

# An attempt's stored id ends with its number (``webhooks.ingest.normalize``); upstream makes five.
MOST_NUMBERS = 10
_UUID_BEGINS = re.compile(r"[0-9a-f]{6,8}(?:-[0-9a-f-]{0,27})?", re.IGNORECASE)


def _workflows(search: Search) -> Iterator[Found]:
    """Yield workflows whose id begins so, or that have this UUID behind the usual prefix."""
    begins = Q(workflow_id__startswith=search.text)
    if _UUID_BEGINS.fullmatch(search.text):
        begins |= Q(workflow_id__startswith=f"{BULK_ID_PREFIX}{search.text.lower()}")
    # Unordered, so that as few rows are read as are shown: the prefix alone may match all.
    for one in Workflow.objects.of(search.here).filter(begins)[:20]:
        ended = f"Finished on {format_time(one.completed_at)}" if one.completed_at else one.status.capitalize()
        yield Found(one.workflow_id, reverse("webhooks:workflow", args=[search.here.slug, one.workflow_id]), ended)


def _attempts(search: Search) -> Iterator[Found]:
    ids = [search.text, *(f"{search.text}#{number}" for number in range(MOST_NUMBERS + 1))]
    attempts = Attempt.objects.filter(workspace=search.here, upstream_id__in=ids)
    for attempt in sorted(attempts.select_related("delivery__workflow"), key=lambda attempt: attempt.at, reverse=True):
        workflow_id = attempt.delivery.workflow.workflow_id
        label = f"Attempt {attempt.number} of {workflow_id}" if attempt.number else f"An attempt of {workflow_id}"
        url = reverse("webhooks:workflow", args=[search.here.slug, workflow_id])
        yield Found(label, url, f"{attempt.delivery.host} · {format_time(attempt.at, seconds=True)}")


def _endpoints(search: Search) -> Iterator[Found]:
    hosts = Endpoint.objects.filter(workspace=search.here, host__startswith=search.text.lower())
    url = reverse("webhooks:list", args=[search.here.slug])
    for endpoint in hosts.order_by("-last_attempt_at")[:20]:
        last = f"Last attempt on {format_time(endpoint.last_attempt_at)}"
        yield Found(endpoint.host, url + link_to(host=endpoint.host), last)


register(
    Finder("workflows", "Workflows", "webhook", _workflows, rank=20, kinds=frozenset({Kind.ID})),
    Finder("attempts", "Deliveries", "webhook", _attempts, rank=25, kinds=frozenset({Kind.ID})),
    Finder("endpoints", "Endpoints", "webhook", _endpoints, rank=60),
)
register_destinations(
    Destination("Webhooks", "webhooks:list", "deliveries endpoints workflows export csv download"),
    Destination("Webhooks that failed", "webhooks:list", "deliveries errors lost", suffix="?state=failed"),
    Destination("Results without a webhook", "webhooks:unattempted", "workflows unattempted lost"),
    Destination("Redeliveries", "webhooks:redeliveries", "resend again"),
    Destination("Receiving webhooks, for developers", "webhooks:developers", "example code signature python node"),
    Destination("Check an endpoint", "webhooks:check", "test url probe", Role.OPERATOR, is_action=True),
    Destination(
        "Redeliver what failed",
        "webhooks:redeliver",
        "resend again webhooks results",
        Role.OPERATOR,
        True,
        "?state=failed",
    ),
)
