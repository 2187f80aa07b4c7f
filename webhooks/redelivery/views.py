"""Views of redeliveries: a preview of what would be sent, then the job with its progress and results."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import redirect_to, render_page
from webhooks.forms import RedeliverForm
from webhooks.models import Item, ItemState, Redelivery
from webhooks.models.redelivery import ItemQuerySet
from webhooks.payloads import REDELIVERY_HEADER
from webhooks.presenters.deliveries import LEVELS
from webhooks.reasons import reason_named
from webhooks.redelivery import services
from webhooks.redelivery.selection import MAX_ITEMS, UNATTEMPTED, select
from webhooks.redelivery.services import export_report
from workspaces.access import get_workspace, require_confirmation, take_kept_entries
from workspaces.audit.events import Actor
from workspaces.downloads import send_file
from workspaces.models import Role, Workspace
from workspaces.polling import rate_limiter

MAX_JOBS = 50
PAGE_SIZE = 100


@require_http_methods(["GET", "HEAD", "POST"])
def redeliver(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how many results the list's filters select and what sending them means; on POST begin it."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    if request.method != "POST":
        form = RedeliverForm(selection=select(workspace, request.GET), initial=take_kept_entries(request))
        return _preview(request, workspace, form, request.GET)
    query = QueryDict(request.POST.get("filters", "")[:4000])
    form = RedeliverForm(request.POST, selection=select(workspace, query))
    if not form.is_valid():
        return _preview(request, workspace, form, query, status=422)
    url, expected = form.cleaned_data["url"], form.cleaned_data["expected"]
    if url:  # contact data goes to a URL that no webhook was for
        require_confirmation(request, f"{request.path}?{query.urlencode()}", keep=("where", "url"))
    try:
        job = services.start_redelivery(workspace, Actor.of(request), query, url, expected)
    except services.SelectionChanged as error:
        messages.warning(request, "Nothing was sent, because the results to send have changed. Review them again.")
        return _preview(request, workspace, RedeliverForm(selection=error.selection), query, status=409)
    return redirect_to(request, job.get_absolute_url())


def _preview(
    request: HttpRequest, workspace: Workspace, form: RedeliverForm, query: QueryDict, *, status: int = 200
) -> HttpResponse:
    context = {
        "selection": form.selection,
        "form": form,
        "filters": query.urlencode(),
        "back_url": _back_url(workspace, query),
        "most": MAX_ITEMS,
        "pace": rate_limiter.share(),
        "header": REDELIVERY_HEADER,
    }
    return render(request, "webhooks/redeliver.html", context, status=status)


def _back_url(workspace: Workspace, query: QueryDict) -> str:
    """Return the page on which what ``query`` selects is listed."""
    if UNATTEMPTED in query:
        return reverse("webhooks:unattempted", args=[workspace.slug])
    if "again" in query:
        return reverse("webhooks:redeliveries", args=[workspace.slug])
    return f"{reverse('webhooks:list', args=[workspace.slug])}?{query.urlencode()}"


@require_safe
def redeliveries(request: HttpRequest, slug: str) -> HttpResponse:
    """List the latest redeliveries with how far each is."""
    workspace = get_workspace(request, slug)
    jobs = Redelivery.objects.of(workspace).with_counts().select_related("requested_by")[:MAX_JOBS]
    return render(request, "webhooks/redeliveries.html", {"jobs": jobs})


@require_safe
def redelivery(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponse:
    """Show one redelivery with the outcome of each result; the page refreshes while it runs."""
    workspace = get_workspace(request, slug)
    job = _job(workspace, job_id)
    state, items = _filter_by_state(request, job)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdecimal() and len(after) < 19:
        items = items.filter(pk__gt=int(after))
    rows = list(items.select_related("workflow").order_by("pk")[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    context = {
        "job": job,
        "counts": [(one, LEVELS[one], getattr(job, f"count_{one.value}")) for one in ItemState],
        "rows": [(item, LEVELS[ItemState(item.state)], reason_named(item.reason)) for item in shown],
        "done": job.count_all - job.count_waiting - job.count_sending,
        "left": job.count_failed + job.count_unknown,
        "chosen": state,
        "is_permitted": not job.is_open or job.is_permitted,
        "next_after": shown[-1].pk if len(rows) > PAGE_SIZE else None,
    }
    return render_page(request, "webhooks/redelivery.html", "live", context)


@require_POST
def report(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponseBase:
    """Send the outcome of each result, or of those in ``state``, as CSV, which is recorded.

    For every member: a viewer can read all of it page by page. Like every export it takes a fresh confirmation.
    """
    workspace = get_workspace(request, slug)
    job = _job(workspace, job_id)
    back = f"{job.get_absolute_url()}?{request.GET.urlencode()}"
    require_confirmation(request, back, go_on="Download report", starts=True)
    state, items = _filter_by_state(request, job)
    return send_file(request, export_report(job, Actor.of(request), items, state))


def _filter_by_state(request: HttpRequest, job: Redelivery) -> tuple[str, ItemQuerySet]:
    """Return the state in the query string and the items in it; an unknown state counts as none, with all items."""
    state = request.GET.get("state", "")
    items = Item.objects.filter(redelivery=job)
    return (state, items.filter(state=state)) if state in ItemState.values else ("", items)


@require_POST
def pause(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponse:
    """Pause a job that runs."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    return _command(request, _job(workspace, job_id), services.pause)


@require_POST
def resume(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponse:
    """Go on with a job that is paused."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    job = _job(workspace, job_id)
    if job.url:
        require_confirmation(request, job.get_absolute_url(), go_on="Resume redelivery")
    return _command(request, job, services.resume)


@require_POST
def cancel(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponse:
    """End a job; what was not sent is left out."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    return _command(request, _job(workspace, job_id), services.cancel)


def _command(request: HttpRequest, job: Redelivery, command: Callable[[Redelivery, Actor], bool]) -> HttpResponse:
    if not command(job, Actor.of(request)):
        messages.warning(request, f"The redelivery is already {job.get_state_display().lower()}.")
    return HttpResponseRedirect(job.get_absolute_url())


def _job(workspace: Workspace, job_id: UUID) -> Any:
    jobs = Redelivery.objects.of(workspace).with_counts().select_related("requested_by", "taken_over_by")
    found = jobs.filter(job_id=job_id).first()
    if found is None:
        raise Http404("Redelivery not found in this workspace.")
    found.workspace = workspace
    return found
