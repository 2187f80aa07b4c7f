"""The filtered list of deliveries as a file.

For every member: a viewer can read all of it page by page, so the file reveals nothing more. All of it at once is what
a thief would want, so it takes a fresh confirmation. That it was taken is recorded.
"""

from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from core import clock
from core.export import CONTENT_TYPES
from core.pagination import count_rows
from webhooks.export import export_lines
from webhooks.filters import DeliveryFilterForm, filtered_deliveries
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor, record_event
from workspaces.downloads import download
from workspaces.models import Action


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the deliveries that match the filters in the query string."""
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    file_format = request.POST.get("format", "")
    if not form.is_valid() or file_format not in CONTENT_TYPES:
        # Half a filter would give a file that is not what its name says.
        return HttpResponse("A filter is not valid. Go back and correct it.\n", status=400, content_type="text/plain")
    back = f"{reverse('webhooks:list', args=[workspace.slug])}?{request.GET.urlencode()}"
    require_confirmation(request, back, keep=("format",), go_on="Export the deliveries", starts=True)
    now = clock.cached_now()
    rows = filtered_deliveries(form, now)
    record_event(
        Action.DELIVERIES_EXPORTED,
        Actor.of(request),
        workspace=workspace,
        subject=("", file_format),
        deliveries=str(count_rows(rows, None).matching),
        filters=form.recorded,
    )
    name = f"deliveries-{workspace.slug}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.{file_format}"
    return download(request, export_lines(rows, file_format), name, CONTENT_TYPES[file_format])
