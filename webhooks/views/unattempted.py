"""Finished workflows of which not a single attempt is known."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.pagination import MOST_COUNTED, CappedCount
from webhooks.redelivery.selection import ATTEMPT_GRACE_PERIOD, UNATTEMPTED, unattempted
from workspaces.access import get_workspace

MAX_SHOWN = 200


@require_safe
def unattempted_workflows(request: HttpRequest, slug: str) -> HttpResponse:
    """List the latest of them, explain why the console knows no more, and offer to send their results."""
    workspace = get_workspace(request, slug)
    found = unattempted(workspace)
    counted = found.order_by()[: MOST_COUNTED + 1].count()
    context = {
        "workflows": found[:MAX_SHOWN],
        "count": CappedCount(counted, counted > MOST_COUNTED),
        "minutes": ATTEMPT_GRACE_PERIOD.seconds // 60,
        "query": f"?{UNATTEMPTED}=1",
    }
    return render(request, "webhooks/unattempted.html", context)
