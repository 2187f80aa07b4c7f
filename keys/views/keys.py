"""The list of keys, and one key."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from core import clock
from core.http import LOG_PARTS, render_page, requested_part, wants_partial
from core.pagination import row_urls
from keys.empty_states import why_no_requests
from keys.forms import STATUSES, KeyFilterForm
from keys.log.activity import key_activity, with_activity
from keys.log.completeness import log_completeness
from keys.log.search import page as log_page
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.row_details import open_row
from keys.models import ApiKey, KeyCreation
from keys.models.key import SORTS
from keys.presenters import LAST_HOUR, KeyListConnection, key_row, key_slots, revoke_facts, visible_ends
from keys.scopes import scopes_of
from keys.views.shared import get_key
from workspaces.access import get_workspace
from workspaces.models import AuditEvent, Workspace
from workspaces.polling.registry import REQUEST_LOG

DETAIL = "keys/detail.html"
LATEST_EVENTS = 10
LATEST_REQUESTS = 20
# More inactive keys than this would be too many to read. The page shows how many there are; search finds the others.
MOST_INACTIVE = 100
COLUMNS = dict(zip(SORTS, ("Name", "Status", "Created", "Expires", "Last used", "Requests"), strict=True))


@require_safe
def key_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the keys of a workspace: active ones first, the others collapsed."""
    workspace = get_workspace(request, slug)
    context = _listed(request, workspace) | _notices(workspace)
    if not wants_partial(request):
        context["finder"] = visible_ends(workspace)
    return render_page(request, "keys/list.html", "live", context)


def _listed(request: HttpRequest, workspace: Workspace) -> dict[str, object]:
    form = KeyFilterForm(request.GET)
    form.is_valid()  # an invalid filter is ignored
    keys = ApiKey.objects.of(workspace)
    counts, now = keys.count_by_status(), clock.cached_now()
    chosen = form.apply(keys.with_people())
    usable, unusable = list(chosen.active(now)), list(chosen.inactive(now)[: MOST_INACTIVE + 1])
    activity = key_activity(workspace, [*usable, *unusable], now)
    active = [key_row(key, workspace, activity.get(key.pk)) for key in usable]
    inactive = [key_row(key, workspace, activity.get(key.pk)) for key in unusable]
    return {
        "filters": form.cleaned_data,
        "narrowed": form.narrows,
        "columns": _columns(request, form.order),
        "statuses": [(name, label, counts[name]) for name, label in STATUSES.items() if counts[name]],
        "counts": counts,
        "active": active,
        "inactive": inactive[:MOST_INACTIVE],
        "inactive_cut": len(inactive) > MOST_INACTIVE,
        "shown": len(active) + len(inactive),
        "slots": key_slots(workspace),
        "connection": KeyListConnection.of(workspace),
    }


def _columns(request: HttpRequest, current: str) -> list[dict[str, str]]:
    """Return each column with the URL that sorts by it, and its current sort order."""
    columns = []
    for name, label in COLUMNS.items():
        query = request.GET.copy()
        # Sort use and figures by the most recent or largest first, names from A.
        first, second = (name, f"-{name}") if name in {"name", "status", "expires"} else (f"-{name}", name)
        query["sort"] = second if current == first else first
        now = {name: "ascending", f"-{name}": "descending"}.get(current, "")
        columns.append({"name": name, "label": label, "url": f"?{query.urlencode()}", "now": now})
    return columns


def _notices(workspace: Workspace) -> dict[str, object]:
    return {
        "unseen": ApiKey.objects.of(workspace).secret_unseen().select_related("created_by", "creation"),
        "lost": KeyCreation.objects.filter(workspace=workspace).answer_lost().select_related("user"),
    }


@require_safe
def detail(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show a key's details and its latest requests."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    scope = LogScope(workspace, key)
    form = _latest(request)
    urls = row_urls(request.path, form.query)
    context = _about(key, workspace) | urls | {"open": open_row(form, scope, urls["opening_url"])}
    part = requested_part(request, LOG_PARTS, "live")
    if part == "drawer":
        return render_page(request, DETAIL, part, context)
    context |= _requests(request, form, scope)
    context["log_url"] = reverse("keys:requests", args=[slug, key.key_id])
    context["events"] = AuditEvent.objects.of(workspace).filter(subject_id=key.upstream_id)[:LATEST_EVENTS]
    context["connection"] = KeyListConnection.of(workspace)
    context["scopes"] = SimpleLazyObject(partial(scopes_of, key, workspace))  # not in the part that is refreshed
    return render_page(request, DETAIL, part, context)


def _latest(request: HttpRequest) -> LogFilterForm:
    """Return the filters that the page of a key has: whether the console's own calls are shown, and the open row."""
    query = request.GET.copy()
    for name in set(query) - {"own", "row"}:
        del query[name]
    form = LogFilterForm(query)
    form.full_clean()
    return form


def _about(key: ApiKey, workspace: Workspace) -> dict[str, object]:
    found = with_activity(ApiKey.objects.of(workspace).with_people().filter(pk=key.pk), clock.cached_now() - LAST_HOUR)
    facts = revoke_facts(found, workspace)[0]
    facts.key.workspace = workspace
    return {"key": facts.key, "facts": facts, "status": facts.status}


def _requests(request: HttpRequest, form: LogFilterForm, scope: LogScope) -> dict[str, object]:
    """Return the newest rows and their number, with the console's own calls shown or hidden.

    Uses the same bounded search as the log's own page: a key of the console has nothing but own calls.
    """
    assert scope.key is not None  # noqa: S101 - the page is about one key
    tallies = log_page.count_matches(form, scope)
    page = log_page.read_page(form, scope)
    page.rows, page.further = page.rows[:LATEST_REQUESTS], None
    log_page.annotate(page, form, scope, request.GET.get("seen", ""))
    poll = scope.workspace.polls.filter(resource=REQUEST_LOG, subject=scope.key.upstream_id).first()
    is_read, has_failed = bool(poll and poll.last_success_at), bool(poll and poll.consecutive_failures)
    return {
        "blank": why_no_requests(scope.workspace, is_read=is_read, has_failed=has_failed, whose="the key"),
        "page": page,
        "with_own": form.shows_own,
        "own": tallies.own,
        "held": tallies.held,
        "completeness": SimpleLazyObject(partial(log_completeness, scope.key)),
        "log_poll": poll,
    }
