"""Exports and imports the history of the balance as a file."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import clock
from core.export import export_file, in_batches
from core.formatting import format_quantity
from core.http import redirect_to
from usage.forms import HistoryForm
from usage.history.csv_format import EXPORTED, parse_history
from usage.history.imports import import_history, plan_import, undo_import
from usage.models import BalanceImport, BalanceReading
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor
from workspaces.downloads import send_file
from workspaces.models import Role, Workspace

TEMPLATE = "usage/history.html"


@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Stream all readings and the change before each as CSV, oldest first; times in UTC."""
    workspace = get_workspace(request, slug)
    back = reverse("usage:overview", args=[workspace.slug])
    require_confirmation(request, back, go_on="Download the readings", starts=True)
    return send_file(
        request, export_file(f"{workspace.slug}-balance", "csv", EXPORTED, map(_cells, _readings(workspace)))
    )


def _readings(workspace: Workspace) -> Iterator[BalanceReading]:
    """Return all readings, oldest first."""
    rows = BalanceReading.objects.of(workspace).select_related("change").order_by("first_read_at", "pk")

    def after(last: BalanceReading | None) -> QuerySet[BalanceReading]:
        if last is None:
            return rows
        at = last.first_read_at
        return rows.filter(Q(first_read_at__gt=at) | Q(pk__gt=last.pk), first_read_at__gte=at)

    return in_batches(after)


def _cells(row: BalanceReading) -> tuple[object, ...]:
    stretch = (row.first_read_at, row.read_at, row.credits)
    change = getattr(row, "change", None)
    if change is None:
        return (*stretch, 0, row.gap_seconds, *[""] * 8)
    amounts = (change.top_up_low, change.top_up_high, change.corrected, change.returned)
    said = (change.mark, change.marked, change.note)
    return (*stretch, change.topped_up, row.gap_seconds, *amounts, change.certainty, *said)


@require_http_methods(["GET", "HEAD", "POST"])
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """Preview a history, then import it; list earlier imports."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    require_confirmation(request)
    if request.method != "POST":
        return render(request, TEMPLATE, _context(workspace, form=HistoryForm()))
    form = HistoryForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(workspace, form=form), status=422)
    text, name = form.cleaned_data["text"], form.cleaned_data["name"]
    parsed = parse_history(text, clock.cached_now())
    if parsed.errors:
        return render(request, TEMPLATE, _context(workspace, form=form, parsed=parsed), status=422)
    if "import" in request.POST:
        done = import_history(workspace, Actor.of(request), parsed.rows, name)
        words = (
            f"Imported {format_quantity(done.rows, 'readings')}."
            if done
            else "Nothing was new, so nothing was imported."
        )
        return redirect_to(request, reverse("usage:history", args=[workspace.slug]), words)
    plan = plan_import(workspace, parsed.rows)
    kept = HistoryForm(initial={"text": text, "name": name})
    return render(request, TEMPLATE, _context(workspace, form=kept, plan=plan, name=name, text=text))


@require_POST
def undo(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Undo an import."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    url = reverse("usage:history", args=[workspace.slug])
    require_confirmation(request, url)
    found = get_object_or_404(BalanceImport.objects.select_related("workspace"), workspace=workspace, pk=pk)
    done = undo_import(found, Actor.of(request))
    return redirect_to(request, url, f"“{found.name}” was removed." if done else "It was already removed.")


def _context(workspace: Workspace, **more: object) -> dict[str, object]:
    imports = BalanceImport.objects.filter(workspace=workspace).select_related("by").order_by("-at")[:50]
    return {"imports": imports, **more}
