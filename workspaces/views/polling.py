"""Shows the state of background polling and of the rate limit; pauses and resumes polling; refreshes on request."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from core.http import redirect_to, referrer_or, wants_partial
from workspaces import services
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.error_messages import explain
from workspaces.models import Role, Workspace
from workspaces.polling import rate_limiter
from workspaces.polling.page_rows import overdue_since, rows_of, summarized, tallies
from workspaces.polling.quota import endpoint_quotas, seconds_to_reset
from workspaces.polling.registry import Resource, all_resources
from workspaces.services import RefreshResult

PAGE_SIZE = 50


@require_safe
def polling(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the polls of the workspace, those that need attention first, and what is left of the rate limit.

    Those of a resource with many subjects are one line, which leads to all of them.
    """
    workspace = get_workspace(request, slug)
    if "resource" in request.GET:
        return _polls_of_resource(request, workspace)
    rows = rows_of(workspace)
    single, summaries = summarized(rows)
    context = {
        "rows": single,
        "summaries": summaries,
        "counts": tallies(rows),
        "overdue_since": overdue_since(rows),
        "headroom": endpoint_quotas(workspace),
        "reset": seconds_to_reset(),
        "share": rate_limiter.share(),
        "share_percent": settings.RATE_LIMIT_SHARE_PERCENT,
    }
    return render(request, "workspaces/polling.html", context)


def _polls_of_resource(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    resource = _known_resource(request.GET["resource"])
    rows = [row for row in rows_of(workspace) if row.resource.name == resource.name]
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"resource": resource, "rows": page.object_list, "page": page, "counts": tallies(rows)}
    return render(request, "workspaces/polling_resource.html", context)


@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause polling until somebody resumes it. Every page of the workspace says so."""
    workspace = get_workspace(request, slug, Role.OWNER)
    changed = services.pause_polling(workspace, Actor.of(request))
    return redirect_to(
        request, _back(request, workspace), "Polling is paused." if changed else "Polling was already paused."
    )


@require_POST
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = get_workspace(request, slug, Role.OWNER)
    changed = services.resume_polling(workspace, Actor.of(request))
    done = "Polling resumed. Everything syncs within a minute." if changed else "Polling was not paused."
    return redirect_to(request, _back(request, workspace), done)


def _back(request: HttpRequest, workspace: Workspace) -> str:
    return referrer_or(request, reverse("workspaces:polling", args=[workspace.slug]))


@require_POST
def refresh(request: HttpRequest, slug: str, resource: str) -> HttpResponse:
    """Refresh ``resource`` and return to the previous page; htmx gets the events "toast" and "refreshed"."""
    workspace = get_workspace(request, slug)
    known = _known_resource(resource)
    subject = _requested_subject(request, workspace, known)
    result = services.refresh_by_hand(workspace, known, Actor.of(request), subject=subject)
    level, text = _refresh_words(known, result)
    if wants_partial(request):
        response = trigger_client_event(HttpResponse(status=204), "toast", {"level": level, "text": text})
        return trigger_client_event(response, "refreshed", {"resource": known.name})
    messages.add_message(request, messages.SUCCESS if result.ok else messages.ERROR, text)
    return HttpResponseRedirect(referrer_or(request, workspace.get_absolute_url()))


def _known_resource(name: str) -> Resource:
    found = next((resource for resource in all_resources() if resource.name == name), None)
    if found is None:
        raise Http404("Nothing of that name is read from upstream.")
    return found


def _requested_subject(request: HttpRequest, workspace: Workspace, resource: Resource) -> str:
    """Return the requested subject of a resource that has subjects. Raises Http404 unless it is polled already."""
    subject = request.POST.get("subject", "") if resource.has_subjects else ""
    if resource.has_subjects and not workspace.polls.filter(resource=resource.name, subject=subject).exists():
        raise Http404("Nothing of that name is read from upstream.")
    return subject


def _refresh_words(resource: Resource, result: RefreshResult) -> tuple[str, str]:
    if result.ok:
        return "ok", f"{resource.label}: synced just now."
    explanation = explain(result.errors[0])
    level = "warning" if explanation.kind == "rate-limited" else "danger"
    return level, f"{resource.label}: {explanation.sentence}"
