"""Exports the audit trail, for owners and site admins."""

from datetime import UTC

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from core import clock
from core.export import CONTENT_TYPES
from workspaces import downloads
from workspaces.access import get_workspace, require_confirmation, require_site_admin
from workspaces.audit import export as trail
from workspaces.audit.events import Actor, record_event
from workspaces.forms import AuditFilterForm
from workspaces.models import Action, AuditEvent, Role, Workspace
from workspaces.models.audit import AuditEventQuerySet


class FormatForm(forms.Form):
    """The format of the file."""

    format = forms.ChoiceField(choices=[(name, name) for name in CONTENT_TYPES])


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
    form, kind = AuditFilterForm(request.GET), FormatForm(request.POST)
    if not (form.is_valid() and kind.is_valid()):
        # Dropping the invalid filter would export events that nobody asked for.
        return HttpResponse("A filter is not valid. Go back and correct it.\n", status=400, content_type="text/plain")
    filters = {name: str(value) for name, value in form.cleaned_data.items() if value and name != "before"}
    back = f"{back}?{urlencode(filters)}" if filters else back
    require_confirmation(request, back, keep=("format",), go_on="Export the audit trail", starts=True)
    found, file_format = form.apply(events), kind.cleaned_data["format"]
    newest = found.values_list("pk", flat=True).first() or 0
    found = found.filter(pk__lte=newest)  # without the event of this export
    record_event(
        Action.AUDIT_EXPORTED,
        Actor.of(request),
        workspace=workspace,
        subject=("", file_format),
        events=found.count(),
        filters=filters,
    )
    lines = trail.audit_lines(found, file_format)
    return downloads.download(request, lines, _name(workspace, file_format), CONTENT_TYPES[file_format])


def _name(workspace: Workspace | None, file_format: str) -> str:
    """Return a file name that is safe in a header, because a slug has only letters, digits, dashes and underscores."""
    moment = clock.cached_now().astimezone(UTC)
    return f"audit-{workspace.slug if workspace else 'all'}-{moment:%Y%m%dT%H%M%SZ}.{file_format}"
