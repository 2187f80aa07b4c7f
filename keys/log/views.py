"""The request log of one key, and of all keys of a workspace."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_POST, require_safe

from core import clock
from core.db.query_timeout import QueryTimeout
from core.http import LOG_PARTS, Context, render_page, requested_part, wants_partial, without_empty_parameters
from core.pagination import row_urls
from keys.empty_states import why_no_requests
from keys.log.completeness import log_completeness
from keys.log.search import page as log_page
from keys.log.search.export import export_requests, file_size_text
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.row_details import open_row
from keys.log.search.statistics import log_charts, log_statistics
from keys.models import ApiKey
from keys.views.shared import get_key
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import confirm_and_export
from workspaces.polling.registry import REQUEST_LOG

PAGE = "keys/log/page.html"


@require_safe
@without_empty_parameters
def requests(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show the mirrored request log of one key."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    poll = workspace.polls.filter(resource=REQUEST_LOG, subject=key.upstream_id).first()
    failing = [poll.problem] if poll and poll.problem else []
    context = {"log_poll": poll, "failing": failing, "completeness": SimpleLazyObject(partial(log_completeness, key))}
    return _page(request, LogScope(workspace, key), LogFilterForm(request.GET), context)


@require_safe
@without_empty_parameters
def log(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the request logs of all keys of a workspace, combined."""
    workspace = get_workspace(request, slug)
    polls = workspace.polls.filter(resource=REQUEST_LOG)
    context = {
        "log_poll": polls.order_by("last_success_at").last(),
        "failing": [poll.problem for poll in polls.failing().order_by("-consecutive_failures")],
    }
    return _page(request, LogScope(workspace), _form(request, LogScope(workspace)), context)


@require_safe
def requests_figures(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show statistics of one key's filtered requests."""
    workspace = get_workspace(request, slug)
    return _figures(request, LogScope(workspace, get_key(workspace, key_id)))


@require_safe
def log_figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show statistics of a workspace's filtered requests."""
    return _figures(request, LogScope(get_workspace(request, slug)))


@require_safe
def requests_tally(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show how many requests of one key match and how many are hidden."""
    workspace = get_workspace(request, slug)
    return _tally(request, LogScope(workspace, get_key(workspace, key_id)))


@require_safe
def log_tally(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how many requests of a workspace match and how many are hidden."""
    return _tally(request, LogScope(get_workspace(request, slug)))


@require_safe
def requests_further(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Continue the search in one key's log, for a page that is not full."""
    workspace = get_workspace(request, slug)
    return _further(request, LogScope(workspace, get_key(workspace, key_id)))


@require_safe
def log_further(request: HttpRequest, slug: str) -> HttpResponse:
    """Continue the search in a workspace's log, for a page that is not full."""
    return _further(request, LogScope(get_workspace(request, slug)))


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the requests that match the URL's filters; on a key's page these include the key.

    Every member may: a viewer can read all of it page by page, so the file reveals nothing more. But a complete copy is
    what a thief would want, so exporting it requires a fresh confirmation, and is recorded.
    """
    workspace = get_workspace(request, slug)
    form = LogFilterForm(request.GET, list(ApiKey.objects.of(workspace)))
    back = reverse("keys:log", args=[workspace.slug])
    make = partial(export_requests, workspace, Actor.of(request), form)
    return confirm_and_export(request, form, make, back=back, go_on="Export the request log")


def _form(request: HttpRequest, scope: LogScope) -> LogFilterForm:
    keys = None if scope.key else list(ApiKey.objects.of(scope.workspace).recently_used_first())
    return LogFilterForm(request.GET, keys)


def _page(request: HttpRequest, scope: LogScope, form: LogFilterForm, context: Context) -> HttpResponse:
    part = requested_part(request, LOG_PARTS, "live")
    context |= _context(request, scope, form)
    if form.is_valid():
        context["open"] = open_row(form, scope, context["opening_url"])
        if part == "drawer":
            return render_page(request, PAGE, part, context)
        page = log_page.read_page(form, scope)
        log_page.annotate(page, form, scope, request.GET.get("seen", ""))
        is_live = page.is_top and not page.further and not form.cleaned_data["end"]
        context |= {"page": page, "is_live": is_live}
        if page.rows or page.further:
            context["export_url"] = _export_url(scope, form)
    poll = context["log_poll"]
    is_read, has_failed = bool(poll and poll.last_success_at), bool(poll and poll.consecutive_failures)
    blank = partial(why_no_requests, scope.workspace, is_read=is_read, has_failed=has_failed)
    context |= {"blank": SimpleLazyObject(blank), "chips": form.chips()}
    return render_page(request, PAGE, part, context)


def _figures(request: HttpRequest, scope: LogScope) -> HttpResponse:
    form = _form(request, scope)
    context = _context(request, scope, form)
    try:
        if form.is_valid():
            found = log_statistics(form, scope, clock.cached_now())
            context |= {"figures": found, "charts": log_charts(found, context["log_url"])}
    except QueryTimeout:
        context["problem"] = "Searching the log takes too long. Narrow the time range to see statistics."
    part = requested_part(request, {"requests-numbers-table": "numbers"}, "figures")
    return render_page(request, "keys/log/figures.html", part, context)


def _tally(request: HttpRequest, scope: LogScope) -> HttpResponse:
    form = _form(request, scope)
    context = _context(request, scope, form)
    if form.is_valid():
        tallies = log_page.count_matches(form, scope)
        sample = log_page.read_page(form, scope).rows
        context |= {"tallies": tallies, "export_size": file_size_text(sample, tallies)}
    return render_page(request, "keys/log/tally.html", "tally", context)


def _further(request: HttpRequest, scope: LogScope) -> HttpResponse:
    form = _form(request, scope)
    context = _context(request, scope, form)
    if not wants_partial(request) or not form.is_valid():
        return redirect(context["log_url"] + form.link(older=request.GET.get("older", "")))
    page = log_page.read_next_part(form, scope)
    log_page.annotate(page, form, scope)
    context |= {"page": page, "shown": log_page.shown_above(form) + len(page.rows), "is_part": True}
    return render(request, "keys/log/further.html", context)


def _context(request: HttpRequest, scope: LogScope, form: LogFilterForm) -> Context:
    """Return the context that all parts of the log need: workspace, key, filters, and the other parts' URLs."""
    arguments = [scope.workspace.slug, *([scope.key.key_id] if scope.key else [])]
    of_log = "keys:requests" if scope.key else "keys:log"
    parts = {f"{part}_url": reverse(f"{of_log}_{part}", args=arguments) for part in ("figures", "tally", "further")}
    log_url = reverse(of_log, args=arguments)
    urls = {"log_url": log_url, "all_url": reverse("keys:log", args=[scope.workspace.slug])}
    urls |= row_urls(log_url, request.GET)
    return {"key": scope.key, "form": form} | parts | urls


def _export_url(scope: LogScope, form: LogFilterForm) -> str:
    query = form.link(key=str(scope.key.key_id)) if scope.key else form.link()
    return reverse("keys:log_export", args=[scope.workspace.slug]) + query
