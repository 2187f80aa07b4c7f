"""Documentation for people who write a receiver."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webhooks import payloads
from webhooks.ingest import delivery_status
from webhooks.models import Delivery
from webhooks.models.delivery import MAX_ATTEMPTS
from webhooks.outgoing import URLNotAllowed, parse_target
from webhooks.presenters import snippets
from workspaces.access import get_workspace
from workspaces.models import Workspace


@require_safe
def developers(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the request, the rules, and receivers to copy from."""
    workspace = get_workspace(request, slug)
    url = _latest_url(workspace)
    context = {
        "url": url or snippets.EXAMPLE_URL,
        "is_own_url": bool(url),
        "requests": snippets.requests_to(url or snippets.EXAMPLE_URL),
        "receivers": snippets.receivers(),
        "body": json.dumps(snippets.body(), indent=2),
        "attempts": MAX_ATTEMPTS,
        "waits": ", ".join(map(str, delivery_status.RETRY_WAITS[: MAX_ATTEMPTS - 1])),
        "limit": payloads.RESULTS_LIMIT,
        "test_header": payloads.TEST_HEADER,
        "redelivery_header": payloads.REDELIVERY_HEADER,
    }
    return render(request, "webhooks/developers.html", context)


def _latest_url(workspace: Workspace) -> str:
    """Return where this workspace's latest webhook went, without the part in which receivers keep tokens."""
    url = Delivery.objects.of(workspace).newest_first().exclude(url="").values_list("url", flat=True).first() or ""
    try:
        parse_target(url)
    except URLNotAllowed:
        return ""
    return url.partition("?")[0]
