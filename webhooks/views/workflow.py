"""One workflow: its attempts, why they failed, and how its enrichment is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webhooks.models import Workflow
from workspaces.access import get_workspace
from workspaces.views.answers import page_context


@require_safe
def workflow(request: HttpRequest, slug: str, workflow_id: str) -> HttpResponse:
    """Show every attempt that was made for a workflow; of an unknown one, offer to look it up."""
    workspace = get_workspace(request, slug)
    found = Workflow.objects.of(workspace).filter(workflow_id=workflow_id).first()
    context = page_context(request, workspace) | {"workflow": found, "workflow_id": workflow_id}
    return render(request, "webhooks/workflow.html", context, status=200 if found else 404)
