"""The audit trail, newest first."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from workspaces.access import get_workspace
from workspaces.forms import AuditFilterForm
from workspaces.models import AuditEvent, User
from workspaces.models.audit import AuditEventQuerySet

PAGE_SIZE = 50


@require_safe
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what happened in one workspace."""
    workspace = get_workspace(request, slug)
    actors = workspace.memberships.values_list("user__email", flat=True).order_by("user__email")
    return _trail(request, AuditEvent.objects.of(workspace), {"current": workspace, "actors": actors})


@require_safe
def site_audit(request: HttpRequest) -> HttpResponse:
    """Show site admins everything: all workspaces, those that were removed, and what belongs to none."""
    if not (isinstance(request.user, User) and request.user.is_superuser):
        raise PermissionDenied("The trail of the whole console is for site admins. Each workspace has its own.")
    actors = User.objects.values_list("email", flat=True).order_by("email")
    return _trail(request, AuditEvent.objects.order_by("-pk"), {"current": None, "actors": actors})


def _trail(request: HttpRequest, events: AuditEventQuerySet, context: dict[str, Any]) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    form.is_valid()  # a bad filter is left out, and its field says so
    page = form.apply(events)
    if before := form.cleaned_data.get("before"):
        page = page.filter(Q(pk__lt=before))
    # One more than is shown tells whether there are older ones, without a count of the whole trail.
    rows = list(page[: PAGE_SIZE + 1])
    context |= {
        "form": form,
        "events": rows[:PAGE_SIZE],
        "older": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        "before": before,
        "today": timezone.localdate(),
    }
    return render(request, "workspaces/audit.html", context)
