"""Looks one workflow up at Cleanlist, because a person asked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from webhooks import tracked_workflows
from webhooks.ingest.normalize import is_usable_workflow_id
from workspaces.access import get_workspace
from workspaces.audit.events import Actor


@require_POST
def look_up(request: HttpRequest, slug: str) -> HttpResponse:
    """Read a workflow's attempts and state now, track it until it is settled, and redirect to its page."""
    workspace = get_workspace(request, slug)
    workflow_id = request.POST.get("workflow_id", "").strip()
    if not is_usable_workflow_id(workflow_id):
        messages.error(request, tracked_workflows.NO_WORKFLOW_ID)
        return HttpResponseRedirect(reverse("webhooks:list", args=[slug]))
    workflow, result = tracked_workflows.look_up_by_hand(workspace, workflow_id, Actor.of(request))
    if not result.ok:
        messages.error(request, f"{workflow.workflow_id} could not be read completely. {result.problem}")
    return HttpResponseRedirect(reverse("webhooks:workflow", args=[slug, workflow.workflow_id]))
