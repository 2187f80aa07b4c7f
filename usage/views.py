"""The usage page, and the readings as a file."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from usage.models import BalanceReading
from usage.overview import overview_of
from usage.ranges import RANGES
from usage.what_if import WhatIfForm
from workspaces.access import get_workspace, require_confirmation
from workspaces.exporting import CONTENT_TYPES, csv_lines, download
from workspaces.models import Workspace


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show balance, burn, runway and who spent what; htmx gets the living part."""
    workspace = get_workspace(request, slug)
    form = WhatIfForm(request.GET) if "more" in request.GET else WhatIfForm(initial={"more": 5000})
    more = form.cleaned_data["more"] if form.is_bound and form.is_valid() else None
    page = overview_of(workspace, request.GET.get("range", ""), timezone.now(), more)
    context = {"current": workspace, "page": page, "ranges": RANGES, "form": form}
    htmx: Any = getattr(request, "htmx", None)
    part = "#living" if htmx and not htmx.boosted and not htmx.history_restore_request else ""
    response = render(request, f"usage/overview.html{part}", context | {"is_part": bool(part)})
    response.headers["Vary"] = "HX-Request"
    return response


@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Send every stretch of readings as CSV, oldest first; times in UTC."""
    workspace = get_workspace(request, slug)
    back = reverse("usage:overview", args=[workspace.slug])
    require_confirmation(request, back, go_on="Download the readings", starts=True)
    return download(request, _lines(workspace), f"{workspace.slug}-balance.csv", CONTENT_TYPES["csv"])


def _lines(workspace: Workspace) -> Iterator[str]:
    columns = ("first_read_at", "read_at", "credits", "topped_up", "gap_seconds")
    rows = BalanceReading.objects.of(workspace).with_changes().order_by("first_read_at").values_list(*columns)
    return csv_lines(
        ("first_read_at", "last_read_at", "credits", "topped_up", "not_read_before_seconds"),
        (
            (first.isoformat(), last.isoformat(), f"{balance:f}", f"{topped_up:f}", gap)
            for first, last, balance, topped_up, gap in rows.iterator(chunk_size=2000)
        ),
    )
