"""The audit trail, newest first."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from core import clock
from workspaces.access import current_role, get_workspace, require_site_admin
from workspaces.forms import AuditFilterForm
from workspaces.models import AuditEvent, Role, User
from workspaces.models.audit import AuditEventQuerySet

PAGE_SIZE = 50


@require_safe
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the audit trail of one workspace."""
    workspace = get_workspace(request, slug)
    actors = workspace.memberships.values_list("user__email", flat=True).order_by("user__email")
    context: dict[str, Any] = {"actors": actors}
    if current_role(request) == Role.OWNER:
        context["export_url"] = reverse("workspaces:audit_export", args=[workspace.slug])
    return _trail(request, AuditEvent.objects.of(workspace), context)


@require_safe
def site_audit(request: HttpRequest) -> HttpResponse:
    """Show site admins the whole trail: all workspaces, removed ones too, and events without a workspace."""
    require_site_admin(request)
    actors = User.objects.values_list("email", flat=True).order_by("email")
    context = {"actors": actors, "export_url": reverse("workspaces:site_audit_export")}
    return _trail(request, AuditEvent.objects.order_by("-pk"), context)


def _trail(request: HttpRequest, events: AuditEventQuerySet, context: dict[str, Any]) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    # With an invalid filter, show nothing: unfiltered events would look like the result.
    page = form.apply(events) if form.is_valid() else events.none()
    if before := form.cleaned_data.get("before"):
        page = page.filter(Q(pk__lt=before))
    # One row more than is shown reveals whether there are older ones, without counting the trail.
    rows = list(page[: PAGE_SIZE + 1])
    context |= {
        "form": form,
        "events": rows[:PAGE_SIZE],
        "older": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        "before": before,
        "today": clock.today(),
        "may_export": "export_url" in context and not form.errors,
    }
    return render(request, "workspaces/audit.html", context)
