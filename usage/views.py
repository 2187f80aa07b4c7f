"""The usage page, and pages about balance changes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import clock
from core.http import redirect_to, render_page, requested_part
from usage.changes.review import mark_change, unmark_change
from usage.changes.types import Mark
from usage.forms import MarkForm, WhatIfForm
from usage.models import BalanceChange
from usage.page.change_explanation import ChangeExplanation
from usage.page.overview import overview_of
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

PARTS = {"results": "results"}


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show balance, burn, runway and who spent what; htmx requests get the live part."""
    workspace = get_workspace(request, slug)
    form = WhatIfForm(request.GET) if "more" in request.GET else WhatIfForm(initial={"more": 5000})
    more = form.cleaned_data["more"] if form.is_bound and form.is_valid() else None
    page = overview_of(workspace, request.GET, clock.cached_now(), more)
    context = {"page": page, "form": form}
    return render_page(request, "usage/overview.html", requested_part(request, PARTS, "living"), context)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show the interpretation of a change and its reasons; operators can mark what it was."""
    is_post = request.method == "POST"
    workspace = get_workspace(request, slug, Role.OPERATOR if is_post else Role.VIEWER)
    row = _change(workspace, pk)
    form = MarkForm(row, request.POST) if is_post else MarkForm(row)
    if is_post and form.is_valid():
        said = form.cleaned_data
        mark_change(row, Actor.of(request), Mark(said["mark"]), marked=said["credits"], note=said["note"])
        done = f"Noted: {ChangeExplanation(row).said}. Burn rate, runway and top-ups are updated."
        return redirect_to(request, reverse("usage:overview", args=[workspace.slug]), done)
    context = {"one": ChangeExplanation(row), "form": form}
    return render(request, "usage/change.html", context, status=422 if is_post else 200)


@require_POST
def undo_mark(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Remove the mark of a change."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    row = _change(workspace, pk)
    done = unmark_change(row, Actor.of(request))
    text = "Removed. The console's own interpretation counts again." if done else "It was already removed."
    return redirect_to(request, reverse("usage:change", args=[workspace.slug, row.pk]), text)


def _change(workspace: Workspace, pk: int) -> BalanceChange:
    rows = BalanceChange.objects.of(workspace).select_related("workspace", "marked_by")
    return get_object_or_404(rows, pk=pk)
