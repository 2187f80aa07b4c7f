"""The start page, the overview of one workspace, and the search."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from core import clock
from core.charts.chart import Chart
from core.db.rollups import hour_of
from core.formatting import counted
from core.http import redirect_to, render_page, wants_partial
from core.sanitize import sanitize_text
from dashboard.checklist.steps import checklist_for
from dashboard.summaries import WorkspaceSummary, select_page, summarize_workspaces
from keys.empty_states import why_no_requests
from keys.models import LoggedRequest, WorkspaceTraffic, mark_namesakes
from keys.presenters import visible_ends
from usage.page.chart import small_chart
from usage.page.ranges import Range
from usage.page.series import samples
from workspaces.access import current_role, get_workspace, may_connect
from workspaces.error_messages import ErrorMessage, explain_kind
from workspaces.find.query import LONGEST, looks_secret, parse_query
from workspaces.find.registry import Search, find
from workspaces.models import Poll, User, Workspace
from workspaces.models.user import has_second_factor
from workspaces.polling.registry import Resource, all_resources

LATEST = 10
_OWN_REQUEST = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOURS = 24
# The log is indexed by key and time: a bounded range is quick however long the log is, so look near first.
LOOKBACKS = (timedelta(hours=1), timedelta(days=1), timedelta(days=30), timedelta(days=3650))
# How often a page that somebody looks at asks for news; sooner while the first readings are on their way.
REFRESH_SECONDS, FIRST_SECONDS = 15, 3


@dataclass(frozen=True)
class ResourceFreshness:
    """The freshness of one polled resource; of one with many subjects, the worst of them counts."""

    resource: Resource
    polls: list[Poll]

    @property
    def count(self) -> int:
        """Return how many there are, for a resource with subjects."""
        return len(self.polls)

    @property
    def paused_reason(self) -> str:
        """Return why nothing is read, if so."""
        return self.polls[0].paused_reason if all(poll.paused_reason for poll in self.polls) else ""

    @property
    def last_success_at(self) -> datetime | None:
        """Return when the longest unread one was read."""
        times = [poll.last_success_at for poll in self._running]
        return None if None in times else min(filter(None, times), default=None)

    @property
    def next_run_at(self) -> datetime | None:
        """Return when the next one is read."""
        return min((poll.next_run_at for poll in self._running), default=None)

    @property
    def is_stale(self) -> bool:
        """Return whether any is older than it should be."""
        return any(poll.is_stale for poll in self._running)

    @property
    def failing(self) -> list[Poll]:
        """Return those whose latest reading failed."""
        return [poll for poll in self._running if poll.consecutive_failures]

    @property
    def problem(self) -> ErrorMessage | None:
        """Return why the first of the failing ones fails."""
        if not self.failing:
            return None
        poll = self.failing[0]
        return explain_kind(poll.last_error_kind, poll.last_error, poll.last_request_id)

    @property
    def _running(self) -> list[Poll]:
        return [poll for poll in self.polls if not poll.paused_reason] or self.polls


def resource_freshness(workspace: Workspace) -> list[ResourceFreshness]:
    """Return how fresh each resource is that this workspace wants, in order of name."""
    rows = workspace.polls.order_by("resource", "pk")
    by_name = {name: list(polls) for name, polls in groupby(rows, key=lambda poll: poll.resource)}
    return [
        ResourceFreshness(resource, by_name[resource.name])
        for resource in all_resources()
        if resource.name in by_name and resource.wanted(workspace)
    ]


def latest_requests(workspace: Workspace) -> list[LoggedRequest]:
    """Return the customer's latest requests across all keys, newest first."""
    now = clock.cached_now()
    log = LoggedRequest.objects.by_customer().filter(key__workspace=workspace).select_related("key")
    rows: list[LoggedRequest] = []
    for lookback in LOOKBACKS:
        rows = list(log.filter(created_at__gte=now - lookback).newest_first()[:LATEST])
        if len(rows) == LATEST:
            break
    mark_namesakes(row.key for row in rows)
    return rows


def requests_by_hour(workspace: Workspace) -> list[int]:
    """Return how many requests the customer made in each of the last 24 hours, oldest first."""
    this_hour = hour_of(clock.cached_now())
    hours = [this_hour - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    cells = WorkspaceTraffic.objects.filter(workspace=workspace, hour__gte=hours[0]).everything()
    counted = Counter(dict(cells.values_list("hour").annotate(requests=Sum("count")).order_by()))
    return [counted[hour] for hour in hours]


def balance_week(workspace: Workspace) -> Chart | None:
    """Return the chart of the last week's balance; None before the first reading. In two queries."""
    span = Range.last("7d", clock.cached_now())
    found = samples(workspace, span)
    return small_chart(found, span) if found else None


@dataclass(frozen=True)
class FreshnessSummary:
    """All resources in one line."""

    rows: list[ResourceFreshness]

    @property
    def late(self) -> int:
        """Return how many are out of date, or failed last."""
        return sum(row.is_stale or bool(row.failing) for row in self._running)

    @property
    def awaited(self) -> int:
        """Return how many have never been synced."""
        return sum(row.last_success_at is None for row in self._running)

    @property
    def paused(self) -> int:
        return len(self.rows) - len(self._running)

    @property
    def oldest_at(self) -> datetime | None:
        """Return when the longest unsynced one was synced."""
        return min((row.last_success_at for row in self._running if row.last_success_at), default=None)

    @property
    def _running(self) -> list[ResourceFreshness]:
        return [row for row in self.rows if not row.paused_reason]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the workspaces that the person may see, those that need attention first; a page of them where many."""
    searched, after = (sanitize_text(request.GET.get(name, ""), 80).strip() for name in ("q", "after"))
    chosen = select_page(Workspace.objects.visible_to(request.user), searched, after)
    visible = chosen.page(summarize_workspaces(chosen.workspaces))
    # Those that ask for a second factor, which the person has not set up, show no figures.
    locked = [] if has_second_factor(request.user) else [one.workspace for one in visible if one.workspace.requires_mfa]
    summaries = [one for one in visible if one.workspace not in locked]
    context = {
        "chosen": chosen,
        "summaries": summaries,
        "locked": locked,
        "may_connect": may_connect(request.user),
        "refresh_seconds": _refresh_seconds(summaries),
    }
    return render_page(request, "dashboard/home.html", "living", context)


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one workspace: balance, keys, latest requests, and how fresh all that is."""
    workspace = get_workspace(request, slug)
    summaries = summarize_workspaces(Workspace.objects.filter(pk=workspace.pk))
    context = {
        "summary": summaries[0],
        "first_steps": checklist_for(request, workspace),
        "refresh_seconds": _refresh_seconds(summaries),
        "freshness": FreshnessSummary(resource_freshness(workspace)),
        "latest": latest_requests(workspace),
        "blank": why_no_requests(workspace, is_read=workspace.has_session and summaries[0].log_is_read),
        "by_hour": requests_by_hour(workspace),
        "chart": balance_week(workspace),
    }
    return render_page(request, "dashboard/overview.html", "living", context)


def _refresh_seconds(summaries: list[WorkspaceSummary]) -> int:
    return FIRST_SECONDS if any(summary.awaits_first_reading for summary in summaries) else REFRESH_SECONDS


@require_safe
def find_here(request: HttpRequest, slug: str) -> HttpResponse:
    """Search a workspace by the parameter ``q``, and what is outside of it: other workspaces, the account, the site."""
    return _respond(request, get_workspace(request, slug))


@require_safe
def find_anywhere(request: HttpRequest) -> HttpResponse:
    """Search outside of workspaces."""
    return _respond(request, None)


def _note_on(text: str) -> str:
    """Return where else to look for an id that was not found; empty for other texts."""
    if text.startswith("req_"):
        return "A request ID of Cleanlist's API is for Cleanlist's support. The request log has only its own IDs."
    if not _OWN_REQUEST.fullmatch(text):
        return ""
    return (
        "If this is the request ID on an error page of this console, the console's log says under this ID what failed."
    )


def _respond(request: HttpRequest, workspace: Workspace | None) -> HttpResponse:
    """Respond with the results as a page, or for htmx as the options of the search dialog.

    What looks like a secret is not searched for, and leaves the browser's address bar. With JavaScript it is not sent.
    """
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else through
    raw = request.GET.get("q", "")
    find_url = reverse("find", args=[workspace.slug]) if workspace else reverse("find_anywhere")
    if looks_secret(raw):
        return redirect_to(request, f"{find_url}?refused")
    query = parse_query(raw)
    groups = find(Search(query, request.user, workspace, current_role(request)))
    count = sum(len(group.found) for group in groups)
    context = {
        "query": query,
        "refused": "refused" in request.GET,
        "longest": LONGEST,
        "groups": groups,
        "said": counted(count, "result") if query.text else "",
        "note": "" if groups else _note_on(query.text),
        "find_url": find_url,
    }
    is_part = wants_partial(request)
    if is_part and not query.text:
        context["keys"] = json.dumps(visible_ends(workspace)) if workspace else ""
    response = render(request, f"dashboard/find{'_options' if is_part else ''}.html", context)
    response.headers["Vary"] = "HX-Request"
    return response
