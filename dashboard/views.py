"""The start page, and the overview of one workspace."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.http import render_page
from core.sanitize import sanitize_text
from dashboard import overview as overviews
from dashboard.summaries import WorkspaceSummary, select_page, summarize_workspaces
from keys.empty_states import why_no_requests
from workspaces.access import get_workspace, may_connect
from workspaces.models import Workspace
from workspaces.models.user import has_second_factor

# How often a page that somebody looks at asks for news; sooner while the first readings are on their way.
REFRESH_SECONDS, FIRST_SECONDS = 15, 3


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
        "refresh_seconds": _refresh_seconds(summaries),
        "readings": overviews.resource_freshness(workspace),
        "latest": overviews.latest_requests(workspace),
        "blank": why_no_requests(workspace, is_read=workspace.has_session and summaries[0].log_is_read),
        "by_hour": overviews.requests_by_hour(workspace),
        "balance_points": overviews.balance_points(workspace),
    }
    return render_page(request, "dashboard/overview.html", "living", context)


def _refresh_seconds(summaries: list[WorkspaceSummary]) -> int:
    return FIRST_SECONDS if any(summary.awaits_first_reading for summary in summaries) else REFRESH_SECONDS
