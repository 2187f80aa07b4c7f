from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core import clock
from core.http import render_page, wants_partial
from keys.forms import STATUSES, KeyFilterForm
from keys.log.activity import key_activity
from keys.models import ApiKey, KeyCreation
from keys.models.key import SORTS
from keys.presenters import KeyListConnection, key_row, key_slots
from workspaces.access import get_workspace
from workspaces.models import Workspace

# More inactive keys than this would be too many to read. The page shows how many there are; search finds the others.
MOST_INACTIVE = 100
COLUMNS = dict(zip(SORTS, ("Name", "Status", "Created", "Expires", "Last used", "Requests"), strict=True))


@require_safe
def key_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the keys of a workspace: active ones first, the others collapsed."""
    workspace = get_workspace(request, slug)
    context = _listed(request, workspace) | _notices(workspace)
    if not wants_partial(request):
        context["finder"] = _finder(workspace)
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
        "columns": _columns(request, form.cleaned_data.get("sort", "")),
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


def _finder(workspace: Workspace) -> list[dict[str, str]]:
    """Return the visible ends of every key, so that the browser alone can match a pasted one."""
    return [
        {"prefix": key.prefix, "last4": key.last4, "label": key.label, "url": key.get_absolute_url()}
        for key in _with_workspace(workspace)
    ]


def _with_workspace(workspace: Workspace) -> list[ApiKey]:
    keys = list(ApiKey.objects.of(workspace).recently_used_first())
    for key in keys:
        key.workspace = workspace  # saves a query per key
    return keys
