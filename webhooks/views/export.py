"""The filtered list of deliveries as a file.

For every member: a viewer can read all of it page by page, so the file reveals nothing more. All of it at once is what
a thief would want, so it takes a fresh confirmation. That it was taken is recorded.
"""

from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from webhooks.export import export_deliveries
from webhooks.filters import DeliveryFilterForm
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import confirm_and_export


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the deliveries that match the filters in the query string."""
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    back = reverse("webhooks:list", args=[workspace.slug])
    make = partial(export_deliveries, workspace, Actor.of(request), form)
    return confirm_and_export(request, form, make, back=back, go_on="Export the deliveries")
