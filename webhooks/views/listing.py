"""The list of deliveries, and the figures above it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from webhooks import following, presenting
from webhooks.export import size_in_words
from webhooks.filters import DeliveryFilterForm, asked_for
from webhooks.models import Delivery, DeliveryGap
from webhooks.retention import kept_for
from workspaces.access import get_workspace
from workspaces.models import Workspace
from workspaces.paging import count, mark_new, place_gaps, read_page
from workspaces.views.answers import page_context, wants_part


@require_safe
def delivery_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the deliveries that the address's filters ask for, newest first."""
    workspace = get_workspace(request, slug)
    form = DeliveryFilterForm(request.GET, workspace)
    context = page_context(request, workspace) | {
        "form": form,
        "log_url": request.path,
        "kept_for": kept_for(),
        "limits": following.limits(workspace),
        "resource": following.ALL,
        "poll": workspace.polls.filter(resource=following.ALL).first(),
    }
    if form.is_valid():
        context |= _rows(request, form)
    context["chips"] = form.chips()
    if wants_part(request):
        return render(request, "webhooks/list.html#live", context | {"is_part": True})
    return render(request, "webhooks/list.html", context | {"figures": presenting.figures_of(workspace)})


@require_safe
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how the endpoints do, and what fails; the part of the list's page that changes slowly."""
    workspace = get_workspace(request, slug)
    context = page_context(request, workspace) | {"figures": presenting.figures_of(workspace)}
    template = "webhooks/figures.html#figures" if wants_part(request) else "webhooks/figures.html"
    return render(request, template, context)


def _rows(request: HttpRequest, form: DeliveryFilterForm) -> dict[str, Any]:
    workspace: Workspace = form.workspace
    matching = asked_for(form, timezone.now())
    page = read_page(form.query, matching.select_related("workflow"), table="list", plural="deliveries")
    mark_new(page.rows, request.GET.get("seen", ""))
    place_gaps(page.rows, DeliveryGap.objects.of(workspace))
    counts = count(matching, Delivery.objects.of(workspace) if form.narrows else None)
    return {
        "page": page,
        "counts": counts,
        "export_url": reverse("webhooks:export", args=[workspace.slug]) + form.link(),
        "export_size": size_in_words(page, counts),
    }
