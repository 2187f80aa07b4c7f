"""The list of deliveries, how many match, the figures above it, and its export."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core import clock
from core.http import LOG_PARTS, Context, render_page, requested_part, wants_partial, without_empty_parameters
from core.pagination import attach_gaps, count_rows, mark_days, mark_new, read_page, row_urls
from webhooks import tracked_workflows
from webhooks.export import estimated_size, export_deliveries
from webhooks.filters import DeliveryFilterForm, filtered_deliveries
from webhooks.models import Delivery, DeliveryGap
from webhooks.presenters import deliveries
from webhooks.presenters.attempts_chart import attempts_chart
from webhooks.retention import describe_retention
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import confirm_and_export
from workspaces.models import Workspace

LIST = "webhooks/list.html"


@require_safe
@without_empty_parameters
def delivery_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the deliveries that match the filters in the query string, newest first."""
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    context: Context = {
        "form": form,
        "log_url": request.path,
        "kept_for": describe_retention(),
        "limits": tracked_workflows.visibility_notice(workspace),
        "tally_url": reverse("webhooks:tally", args=[slug]),
        "resource": tracked_workflows.DELIVERIES,
        "poll": workspace.polls.filter(resource=tracked_workflows.DELIVERIES).first(),
    }
    context |= row_urls(request.path, request.GET)
    part = requested_part(request, LOG_PARTS, "live")
    if form.is_valid():
        context["open"] = deliveries.open_delivery(form, context["opening_url"])
        if part == "drawer":
            return render_page(request, LIST, part, context)
        context |= _rows(request, form)
    is_live_part = wants_partial(request) and part == "live"
    context |= {"chips": form.chips(), "is_live_part": is_live_part}
    if "page" in context and context["page"].is_top and not form.narrows and not is_live_part:
        # Whoever has filtered or turned pages looks for a delivery, so the list stays on top.
        context["figures"] = deliveries.first_figures_of(workspace, form.endpoints)
    return render_page(request, LIST, part, context)


@require_safe
def tally(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how many deliveries match, how many are hidden, and how large a file they make."""
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    context: Context = {"form": form}
    if form.is_valid():
        matching = filtered_deliveries(form, clock.cached_now())
        counts = count_rows(matching, Delivery.objects.of(workspace) if form.narrows else None)
        sample = read_page(form.query, matching.select_related("workflow"), table="list", plural="deliveries")
        context |= {"counts": counts, "export_size": estimated_size(sample, counts)}
    return render_page(request, "webhooks/tally.html", "tally", context)


@require_safe
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the health of endpoints and what fails; the list's page loads it after the list, then periodically."""
    workspace = get_workspace(request, slug)
    found = deliveries.figures_of(workspace)
    hosts = [row.health.host for row in found.endpoints or ()]
    context = {"figures": found, "attempts": attempts_chart(workspace, hosts, reverse("webhooks:list", args=[slug]))}
    return render_page(request, "webhooks/figures.html", "figures", context)


def _rows(request: HttpRequest, form: DeliveryFilterForm) -> dict[str, object]:
    workspace: Workspace = form.workspace
    matching = filtered_deliveries(form, clock.cached_now())
    page = read_page(form.query, matching.select_related("workflow"), table="list", plural="deliveries")
    mark_new(page.rows, request.GET.get("seen", ""))
    mark_days(page)
    attach_gaps(page, DeliveryGap.objects.of(workspace))
    export_url = reverse("webhooks:export", args=[workspace.slug]) + form.link() if page.rows else ""
    return {"page": page, "export_url": export_url}


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the deliveries that match the filters in the query string.

    Every member may: a viewer can read all of it page by page, so the file reveals nothing more. But a complete copy is
    what a thief would want, so exporting it requires a fresh confirmation, and is recorded.
    """
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    back = reverse("webhooks:list", args=[workspace.slug])
    make = partial(export_deliveries, workspace, Actor.of(request), form)
    return confirm_and_export(request, form, make, back=back, go_on="Export the deliveries")
