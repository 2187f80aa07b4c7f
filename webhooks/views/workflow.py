"""One workflow: its attempts, why they failed, and how its enrichment is."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.http import render_page
from webhooks.ingest.normalize import is_usable_workflow_id
from webhooks.presenters import deliveries
from workspaces.access import get_workspace


@require_safe
def workflow(request: HttpRequest, slug: str, workflow_id: str) -> HttpResponse:
    """Show every attempt that was made for a workflow; of an unknown one, offer to look it up."""
    workspace = get_workspace(request, slug)
    found = deliveries.find_workflow(workspace, workflow_id)
    context: dict[str, Any] = {"workflow_id": workflow_id}
    if found is None:
        context["can_look_up"] = is_usable_workflow_id(workflow_id)
        return render(request, "webhooks/unknown.html", context, status=404)
    context |= deliveries.workflow_context(found)
    return render_page(request, "webhooks/workflow.html", "live", context)
