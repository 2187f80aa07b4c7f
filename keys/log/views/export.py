"""Exports the filtered request log as a file.

Every member may: a viewer can read all of it page by page, so the file reveals nothing more. But a complete copy is
what a thief would want, so exporting it requires a fresh confirmation, and is recorded.
"""

from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from keys.log.search.export import export_requests
from keys.log.search.filters import LogFilterForm
from keys.models import ApiKey
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import confirm_and_export


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the requests that match the URL's filters; on a key's page these include the key."""
    workspace = get_workspace(request, slug)
    form = LogFilterForm(request.GET, list(ApiKey.objects.of(workspace)))
    back = reverse("keys:log", args=[workspace.slug])
    make = partial(export_requests, workspace, Actor.of(request), form)
    return confirm_and_export(request, form, make, back=back, go_on="Export the request log")
