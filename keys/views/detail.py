from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from core import clock
from core.http import render_page
from keys.empty_states import why_no_requests
from keys.log.activity import with_activity
from keys.log.completeness import log_completeness
from keys.log.search import page as log_page
from keys.log.search.filters import LogFilterForm, LogScope
from keys.models import ApiKey
from keys.presenters import LAST_HOUR, KeyListConnection, revoke_facts
from keys.views.shared import get_key
from workspaces.access import get_workspace
from workspaces.models import AuditEvent, Workspace
from workspaces.polling.registry import REQUEST_LOG

LATEST_EVENTS = 10


@require_safe
def detail(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show a key's details and its latest requests."""
    workspace = get_workspace(request, slug)
    key = get_key(workspace, key_id)
    context = _about(key, workspace) | _log(request, LogScope(workspace, key))
    context["events"] = AuditEvent.objects.of(workspace).filter(subject_id=key.upstream_id)[:LATEST_EVENTS]
    context["connection"] = KeyListConnection.of(workspace)
    return render_page(request, "keys/detail.html", "live", context)


def _about(key: ApiKey, workspace: Workspace) -> dict[str, object]:
    found = with_activity(ApiKey.objects.of(workspace).with_people().filter(pk=key.pk), clock.cached_now() - LAST_HOUR)
    facts = revoke_facts(found, workspace)[0]
    facts.key.workspace = workspace
    return {"key": facts.key, "facts": facts, "status": facts.status}


def _log(request: HttpRequest, scope: LogScope) -> dict[str, object]:
    """Return the newest rows and their number, with the console's own calls shown or hidden.

    Uses the same bounded search as the log's own page: a key of the console has nothing but own calls.
    """
    assert scope.key is not None  # noqa: S101 - the page is about one key
    form = LogFilterForm(QueryDict("own=1" if request.GET.get("own") == "1" else ""))
    form.full_clean()
    tallies = log_page.count_matches(form, scope)
    poll = scope.workspace.polls.filter(resource=REQUEST_LOG, subject=scope.key.upstream_id).first()
    is_read, has_failed = bool(poll and poll.last_success_at), bool(poll and poll.consecutive_failures)
    return {
        "blank": why_no_requests(scope.workspace, is_read=is_read, has_failed=has_failed, whose="the key"),
        "requests": log_page.read_page(form, scope).rows,
        "with_own": form.shows_own,
        "own": tallies.own,
        "held": tallies.held,
        "completeness": SimpleLazyObject(partial(log_completeness, scope.key)),
        "log_poll": poll,
    }
