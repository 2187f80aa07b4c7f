"""Exports the audit trail, for owners and site admins."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.export import ExportFile
from workspaces.access import get_workspace, require_site_admin
from workspaces.audit.events import Actor
from workspaces.audit.export import export_trail
from workspaces.downloads import confirm_and_export
from workspaces.forms import AuditFilterForm
from workspaces.models import AuditEvent, Role, Workspace
from workspaces.models.audit import AuditEventQuerySet


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Export the audit trail of one workspace, with the filters of the page."""
    workspace = get_workspace(request, slug, Role.OWNER)
    back = reverse("workspaces:audit", args=[workspace.slug])
    return _export(request, AuditEvent.objects.of(workspace), back, workspace)


@require_POST
def site_export(request: HttpRequest) -> HttpResponseBase:
    """Export the whole trail, with the filters of the page, for a site admin."""
    require_site_admin(request)
    return _export(request, AuditEvent.objects.order_by("-pk"), reverse("workspaces:site_audit"), None)


def _export(
    request: HttpRequest, events: AuditEventQuerySet, back: str, workspace: Workspace | None
) -> HttpResponseBase:
    form = AuditFilterForm(request.GET)

    def make(file_format: str) -> ExportFile:
        return export_trail(workspace, Actor.of(request), form.apply(events), form.recorded, file_format)

    return confirm_and_export(request, form, make, back=back, go_on="Export the audit trail")
