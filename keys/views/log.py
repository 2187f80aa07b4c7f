"""The request log: of one key, and of all keys of a workspace."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from keys.log import page as log_page
from keys.log.export import size_in_words
from keys.log.figures import figures_of
from keys.log.filters import LogFilterForm
from keys.log.rows import opened
from keys.models import ApiKey, LogGap, LoggedRequest
from keys.models.request_log import LoggedRequestQuerySet
from keys.presenting import Connection
from keys.views.shared import get_key
from workspaces.access import get_workspace
from workspaces.bounded import TooMuchToLookThrough
from workspaces.models import Workspace
from workspaces.paging import mark_new, place_gaps
from workspaces.views.answers import page_context, wants_part


@require_safe
def requests(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show what the mirror holds of one key's request log."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    form = LogFilterForm(request.GET)
    poll = workspace.polls.filter(resource="requests", subject=key.upstream_id).first()
    context = {"key": key, "log_poll": poll, "log_url": request.path, "completeness": key.completeness}
    return _page(request, workspace, form, LoggedRequest.objects.filter(key=key), context)


@require_safe
def log(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the request logs of all keys of a workspace as one."""
    workspace = get_workspace(request, slug)
    keys = list(ApiKey.objects.of(workspace).recently_used_first())
    form = LogFilterForm(request.GET, keys)
    polls = workspace.polls.filter(resource="requests").order_by("last_success_at")
    context = {"key": None, "keys": keys, "log_poll": polls.last(), "log_url": request.path}
    return _page(request, workspace, form, LoggedRequest.objects.of(workspace), context)


@require_safe
def requests_figures(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show what the filtered requests of one key have in common."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    back = reverse("keys:requests", args=[slug, key_id])
    return _figures(request, workspace, LogFilterForm(request.GET), key, back)


@require_safe
def log_figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the filtered requests of a workspace have in common."""
    workspace = get_workspace(request, slug)
    form = LogFilterForm(request.GET, list(ApiKey.objects.of(workspace)))
    return _figures(request, workspace, form, None, reverse("keys:log", args=[slug]))


def _figures(
    request: HttpRequest, workspace: Workspace, form: LogFilterForm, key: ApiKey | None, back: str
) -> HttpResponse:
    scope = LoggedRequest.objects.filter(key=key) if key else LoggedRequest.objects.of(workspace)
    context = page_context(request, workspace) | {"key": key, "form": form, "log_url": back}
    try:
        if form.is_valid():
            context["figures"] = figures_of(form, scope, workspace, key, timezone.now())
    except TooMuchToLookThrough:
        context["problem"] = "Looking through the log takes too long. Narrow the time range to see figures."
    template = "keys/log/figures.html#figures" if wants_part(request) else "keys/log/figures.html"
    return render(request, template, context)


def _page(
    request: HttpRequest,
    workspace: Workspace,
    form: LogFilterForm,
    scope: LoggedRequestQuerySet,
    context: dict[str, Any],
) -> HttpResponse:
    context |= page_context(request, workspace) | {"form": form, "connection": Connection.of(workspace)}
    context["all_url"] = reverse("keys:log", args=[workspace.slug])
    if form.is_valid():
        page = log_page.read_page(form, scope)
        mark_new(page.rows, request.GET.get("seen", ""))
        chosen = context["key"] or form.cleaned_data.get("key")
        gaps = LogGap.objects.of(chosen) if chosen else LogGap.objects.in_workspace(workspace)
        place_gaps(page.rows, gaps.select_related("key"))
        context |= {"page": page, "tallies": log_page.count(form, scope)}
        context |= {"export_size": size_in_words(page, context["tallies"]), "export_url": _export_url(context, form)}
        context["open"] = opened(request.GET.get("row", ""), page.rows, scope, form, workspace)
    context["figures_url"] = _figures_url(workspace, context["key"]) + form.link()
    context["chips"] = form.chips()
    if wants_part(request):
        return render(request, "keys/log/page.html#live", context | {"is_part": True})
    return render(request, "keys/log/page.html", context)


def _figures_url(workspace: Workspace, key: ApiKey | None) -> str:
    if key is None:
        return reverse("keys:log_figures", args=[workspace.slug])
    return reverse("keys:requests_figures", args=[workspace.slug, key.key_id])


def _export_url(context: dict[str, Any], form: LogFilterForm) -> str:
    key: ApiKey | None = context["key"]
    query = form.link(key=str(key.key_id)) if key else form.link()
    return reverse("keys:log_export", args=[context["workspace"].slug]) + query
