"""Refreshes data from upstream on request."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from core.http import is_htmx, referrer_or
from workspaces import services
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.error_messages import explain
from workspaces.models import Workspace
from workspaces.polling.registry import Resource, all_resources
from workspaces.services import RefreshResult


@require_POST
def refresh(request: HttpRequest, slug: str, resource: str) -> HttpResponse:
    """Refresh ``resource`` and return to the previous page; htmx gets the events "toast" and "refreshed"."""
    workspace = get_workspace(request, slug)
    known = _resource(resource)
    subject = _subject(request, workspace, known)
    result = services.refresh_by_hand(workspace, known, Actor.of(request), subject=subject)
    level, text = _words(known, result)
    if is_htmx(request):
        response = trigger_client_event(HttpResponse(status=204), "toast", {"level": level, "text": text})
        return trigger_client_event(response, "refreshed", {"resource": known.name})
    messages.add_message(request, messages.SUCCESS if result.ok else messages.ERROR, text)
    return HttpResponseRedirect(referrer_or(request, workspace.get_absolute_url()))


def _resource(name: str) -> Resource:
    found = next((resource for resource in all_resources() if resource.name == name), None)
    if found is None:
        raise Http404("Nothing of that name is read from upstream.")
    return found


def _subject(request: HttpRequest, workspace: Workspace, resource: Resource) -> str:
    """Return the requested subject of a resource that has subjects. Raises Http404 unless it is polled already."""
    subject = request.POST.get("subject", "") if resource.has_subjects else ""
    if resource.has_subjects and not workspace.polls.filter(resource=resource.name, subject=subject).exists():
        raise Http404("Nothing of that name is read from upstream.")
    return subject


def _words(resource: Resource, result: RefreshResult) -> tuple[str, str]:
    if result.ok:
        return "ok", f"{resource.label}: read just now."
    explanation = explain(result.errors[0])
    level = "warning" if explanation.kind == "rate-limited" else "danger"
    return level, f"{resource.label}: {explanation.sentence}"
