"""One key, and its latest requests."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from keys.models import ApiKey, LoggedRequest
from keys.presenting import LAST_HOUR, Connection, facts_of
from keys.views.shared import get_key
from workspaces.access import get_workspace
from workspaces.models import AuditEvent, Workspace
from workspaces.views.answers import page_context, wants_part

LATEST = 50
LATEST_EVENTS = 10


@require_safe
def detail(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show everything that is known of a key, and its latest requests."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    log = _log(request, key)
    context = page_context(request, workspace) | _about(key, workspace) | log
    context["requests"] = list(log["rows"][:LATEST])
    context["events"] = AuditEvent.objects.of(workspace).filter(subject_id=key.upstream_id)[:LATEST_EVENTS]
    context["connection"] = Connection.of(workspace)
    if wants_part(request):
        return render(request, "keys/detail.html#live", context | {"is_part": True})
    return render(request, "keys/detail.html", context)


def _about(key: ApiKey, workspace: Workspace) -> dict[str, Any]:
    found = ApiKey.objects.of(workspace).with_people().with_activity(timezone.now() - LAST_HOUR).filter(pk=key.pk)
    facts = facts_of(found, workspace)[0]
    facts.key.workspace = workspace
    return {"key": facts.key, "facts": facts, "status": facts.status}


def _log(request: HttpRequest, key: ApiKey) -> dict[str, Any]:
    """Return the rows to show, newest first, and how many of the console's own calls are left out or shown."""
    with_own = request.GET.get("own") == "1"
    rows = LoggedRequest.objects.filter(key=key).newest_first()
    return {
        "rows": rows if with_own else rows.by_customer(),
        "with_own": with_own,
        "own_count": rows.own_calls().count(),
        "held_count": rows.count(),
        "log_poll": key.workspace.polls.filter(resource="requests", subject=key.upstream_id).first(),
    }
