"""Workflows: the attempts of one, looking one up, its result, and those without any attempt.

A result whose webhook did not arrive is fetched on demand and masked until somebody asks for more.
"""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cleanlist.errors import CleanlistError
from core.encryption import DecryptionError
from core.http import Context, render_page, wants_partial
from core.pagination import MOST_COUNTED, CappedCount
from webhooks import results, tracked_workflows
from webhooks.ingest.normalize import is_usable_workflow_id
from webhooks.models import Workflow
from webhooks.presenters import deliveries
from webhooks.redelivery.selection import ATTEMPT_GRACE_PERIOD, UNATTEMPTED, unattempted
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor
from workspaces.credentials.clients import AddressNotAllowed, NotConnected
from workspaces.downloads import download
from workspaces.error_messages import explain
from workspaces.models import Milestone, Role, Workspace
from workspaces.services.milestones import note_in_sandbox

REFUSALS = (CleanlistError, NotConnected, AddressNotAllowed, DecryptionError)
FORMATS = {
    "json": ("application/json", results.to_json),
    "csv": ("text/csv; charset=utf-8", results.to_csv),
}
MAX_SHOWN = 200


@require_safe
def workflow(request: HttpRequest, slug: str, workflow_id: str) -> HttpResponse:
    """Show every attempt that was made for a workflow; of an unknown one, offer to look it up."""
    workspace = get_workspace(request, slug)
    found = deliveries.find_workflow(workspace, workflow_id)
    context: Context = {"workflow_id": workflow_id}
    if found is None:
        context["can_look_up"] = is_usable_workflow_id(workflow_id)
        return render(request, "webhooks/unknown.html", context, status=404)
    context |= deliveries.workflow_context(found)
    if context["trouble"]:
        note_in_sandbox(request, workspace, Milestone.Name.FAILURE_VIEWED)
    return render_page(request, "webhooks/workflow.html", "live", context)


@require_POST
def result(request: HttpRequest, slug: str, workflow_id: str) -> HttpResponse:
    """Fetch result and show it masked; with ``reveal``, for operators, in clear, which is recorded."""
    reveals = "reveal" in request.POST
    workspace = get_workspace(request, slug, Role.OPERATOR if reveals else Role.VIEWER)
    found = _found(workspace, workflow_id)
    workflow = found.workflow
    if reveals:
        _confirmed(request, workflow, "reveal", "Show contact data", part="result")
    context: Context = {"workflow": workflow, "workflow_id": workflow_id}
    try:
        fetched = results.reveal(workflow, Actor.of(request)) if reveals else results.fetch(workflow)
        context |= _shown(fetched, reveals=reveals)
    except REFUSALS as error:
        context["refusal"] = explain(error)
    is_part = wants_partial(request)
    context |= {"is_lost": deliveries.is_lost(workflow)} if is_part else deliveries.workflow_context(found)
    return render_page(request, "webhooks/workflow.html", "result", context)


@require_POST
def result_file(request: HttpRequest, slug: str, workflow_id: str) -> HttpResponseBase:
    """Send the result as a file of ``format``, which is recorded; an upstream that refuses is quoted on the page."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    workflow = _found(workspace, workflow_id).workflow
    file_format = request.POST.get("format", "")
    if file_format not in FORMATS:
        return HttpResponse("Unknown format.\n", status=400, content_type="text/plain")
    _confirmed(request, workflow, "format", "Download result")
    try:
        found = results.export(workflow, Actor.of(request), file_format)
    except REFUSALS as error:
        messages.error(request, f"Couldn't fetch the result. {explain(error).sentence}")
        return HttpResponseRedirect(reverse("webhooks:workflow", args=[slug, workflow_id]))
    content_type, lines_of = FORMATS[file_format]
    safe = "".join(character if character.isalnum() or character in "-_" else "-" for character in workflow_id)
    return download(request, lines_of(found), f"result-{safe[:100]}.{file_format}", content_type)


def _confirmed(request: HttpRequest, workflow: Workflow, field: str, words: str, part: str = "") -> None:
    """Ask for a fresh confirmation before contact data is seen; the workflow's page then offers the same again."""
    back = reverse("webhooks:workflow", args=[workflow.workspace.slug, workflow.workflow_id])
    require_confirmation(request, back, keep=(field,), go_on=words, starts=True, part=part)


def _shown(found: results.WorkflowResult, *, reveals: bool) -> Context:
    contacts = found.contacts if reveals else found.masked
    return {"result": found, "contacts": contacts, "is_revealed": reveals}


def _found(workspace: Workspace, workflow_id: str) -> deliveries.WorkflowLookup:
    found = deliveries.find_workflow(workspace, workflow_id)
    if found is None:
        raise Http404("Workflow not found in this workspace.")
    return found


@require_POST
def look_up(request: HttpRequest, slug: str) -> HttpResponse:
    """Read a workflow's attempts and state now, track it until it is settled, and redirect to its page."""
    workspace = get_workspace(request, slug)
    workflow_id = request.POST.get("workflow_id", "").strip()
    try:
        workflow, result = tracked_workflows.look_up_by_hand(workspace, workflow_id, Actor.of(request))
    except ValueError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("webhooks:list", args=[slug]))
    if not result.ok:
        messages.error(request, f"{workflow.workflow_id} couldn't be synced completely. {result.problem}")
    return HttpResponseRedirect(reverse("webhooks:workflow", args=[slug, workflow.workflow_id]))


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
