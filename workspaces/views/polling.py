"""Shows the state of background polling and of the rate limit; pauses and resumes polling; refreshes on request."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from core import clock
from core.formatting import format_short
from core.http import redirect_to, referrer_or, wants_partial
from workspaces import services
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.error_messages import explain
from workspaces.models import Poll, Role, Workspace
from workspaces.polling import rate_limiter
from workspaces.polling.quota import endpoint_quotas, seconds_to_reset
from workspaces.polling.registry import Resource, all_resources
from workspaces.services import RefreshResult

# The order on the page, and the pill of each state.
STATES = {
    "failing": ("danger", "Failing"),
    "running": ("ok", "Running"),
    "due": ("ok", "Due"),
    "scheduled": ("neutral", "Scheduled"),
    "paused": ("warning", "Paused"),
    "spare": ("neutral", "Not needed"),
}

# Due polls start within seconds, unless no worker or no clock is running.
LONGEST_DUE = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """One poll on the page."""

    poll: Poll
    label: str
    subject: str
    state: str
    note: str = ""

    @property
    def pill(self) -> tuple[str, str]:
        """Return the level and the label of the state."""
        return STATES[self.state]

    @property
    def every(self) -> str:
        return format_short(self.poll.interval_seconds)


@require_safe
def polling(request: HttpRequest, slug: str) -> HttpResponse:
    """Show all polls of the workspace, those that need attention first, and what is left of the rate limit."""
    workspace = get_workspace(request, slug)
    rows = _rows(workspace)
    context = {
        "rows": rows,
        "counts": [(text, level, n) for name, (level, text) in STATES.items() if (n := _count(rows, name))],
        "overdue_since": _overdue_since(rows),
        "headroom": endpoint_quotas(workspace),
        "reset": seconds_to_reset(),
        "share": rate_limiter.share(),
        "share_percent": settings.RATE_LIMIT_SHARE_PERCENT,
    }
    return render(request, "workspaces/polling.html", context)


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


def _rows(workspace: Workspace) -> list[Row]:
    resources = {resource.name: resource for resource in all_resources()}
    names = {name: resource.subject_names(workspace) for name, resource in resources.items() if resource.has_subjects}
    rows = [
        Row(
            poll,
            resources[poll.resource].label,
            names.get(poll.resource, {}).get(poll.subject, poll.subject),
            _state(poll, wanted=resources[poll.resource].wanted(workspace)),
            # No note for resources with subjects: they have many polls, and a note may cost a query.
            "" if resources[poll.resource].has_subjects else resources[poll.resource].note(workspace),
        )
        for poll in workspace.polls.all()
        if poll.resource in resources
    ]
    order = list(STATES)
    return sorted(rows, key=lambda row: (order.index(row.state), row.label, row.subject.lower(), row.poll.pk))


def _state(poll: Poll, *, wanted: bool) -> str:
    now = clock.cached_now()
    if poll.paused_reason:
        return "paused" if wanted else "spare"
    if poll.leased_until is not None and poll.leased_until > now:
        return "running"
    if poll.consecutive_failures:
        return "failing"
    return "due" if poll.next_run_at <= now else "scheduled"


def _overdue_since(rows: list[Row]) -> datetime | None:
    """Return since when the oldest due poll has waited for a worker, if that is longer than LONGEST_DUE."""
    oldest = min((row.poll.next_run_at for row in rows if row.state in {"due", "failing"}), default=None)
    return oldest if oldest is not None and clock.cached_now() - oldest > LONGEST_DUE else None


def _count(rows: list[Row], state: str) -> int:
    return sum(row.state == state for row in rows)


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
