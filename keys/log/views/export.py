"""Exports the filtered request log as a file.

Every member may: a viewer can read all of it page by page, so the file reveals nothing more. But a complete copy is
what a thief would want, so exporting it requires a fresh confirmation, and is recorded.
"""

from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from core import clock
from core.export import CONTENT_TYPES
from keys.log.search import page as log_page
from keys.log.search.export import export_lines
from keys.log.search.filters import LogFilterForm
from keys.log.search.query_plan import plan_query
from keys.log.search.scope import LogScope
from keys.models import ApiKey, LoggedRequest
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor, record_event
from workspaces.downloads import download
from workspaces.models import Action, Workspace


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the requests that match the URL's filters; on a key's page these include the key."""
    workspace = get_workspace(request, slug)
    form = LogFilterForm(request.GET, list(ApiKey.objects.of(workspace)))
    file_format = request.POST.get("format", "")
    if not form.is_valid() or file_format not in CONTENT_TYPES:
        # With some filters ignored, the file would not hold what its name says.
        return HttpResponse("A filter is not valid. Go back and correct it.\n", status=400, content_type="text/plain")
    back = f"{reverse('keys:log', args=[workspace.slug])}?{request.GET.urlencode()}"
    require_confirmation(request, back, keep=("format",), go_on="Export the request log", starts=True)
    now = clock.cached_now()
    plan = plan_query(form, LogScope(workspace), now)
    _record(request, workspace, form, file_format)
    name = f"requests-{workspace.slug}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.{file_format}"
    rows = plan.rows if plan else LoggedRequest.objects.none()
    lines = export_lines(rows, workspace, file_format)
    return download(request, lines, name, CONTENT_TYPES[file_format])


def _record(request: HttpRequest, workspace: Workspace, form: LogFilterForm, file_format: str) -> None:
    count = log_page.count_matches(form, LogScope(workspace))
    record_event(
        Action.REQUESTS_EXPORTED,
        Actor.of(request),
        workspace=workspace,
        subject=("", file_format),
        requests=str(count.matching),
        filters=form.recorded,
    )
