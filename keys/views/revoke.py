"""Revokes one key, several, or all. Each has its own page, which the list opens as a dialog."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from core import clock
from core.http import Context, render_page, wants_partial
from keys import services
from keys.forms import REVOKE_ALL_PHRASE, RevokeAllForm
from keys.log.activity import with_activity
from keys.models import ApiKey
from keys.models.key import ApiKeyQuerySet
from keys.presenters import LAST_HOUR, KeyListConnection, key_row, key_slots, revoke_facts, verdict_text
from keys.services import RevokeResult, RevokeVerdict
from keys.views.shared import REFUSALS, get_key
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor
from workspaces.error_messages import explain
from workspaces.models import Role, Workspace

# More than anyone ticks by hand, and few enough for one query and one confirmation.
MOST_AT_ONCE = 100
DONE = {RevokeVerdict.REVOKED, RevokeVerdict.ALREADY}
SAFE_AND_POST = ["GET", "HEAD", "POST"]


@require_http_methods(SAFE_AND_POST)
def revoke(request: HttpRequest, slug: str, key_id: UUID) -> HttpResponse:
    """Show what revoking this key means, then do it."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    key = get_key(workspace, key_id)
    chosen = ApiKey.objects.filter(pk=key.pk)
    if request.method == "POST":
        return _revoke(request, workspace, [key], request.path)
    return _confirm(request, workspace, chosen)


@require_http_methods(SAFE_AND_POST)
def revoke_selected(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what revoking the keys in parameter ``key`` means, then do it."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    sent = request.POST if request.method == "POST" else request.GET
    chosen = ApiKey.objects.of(workspace).filter(key_id__in=_uuids(sent.getlist("key")))
    if not chosen.exists():
        return HttpResponseRedirect(reverse("keys:list", args=[workspace.slug]))
    if request.method == "POST":
        again = urlencode({"key": [str(key.key_id) for key in chosen]}, doseq=True)
        return _revoke(request, workspace, list(chosen.with_people().recently_used_first()), f"{request.path}?{again}")
    return _confirm(request, workspace, chosen)


def _uuids(texts: list[str]) -> list[UUID]:
    found = []
    for text in texts[:MOST_AT_ONCE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _confirm(request: HttpRequest, workspace: Workspace, chosen: ApiKeyQuerySet) -> HttpResponse:
    if services.is_mass_revocation(workspace, Actor.of(request), chosen):
        require_confirmation(request)
    context = {
        **_facts(workspace, chosen),
        "connection": KeyListConnection.of(workspace),
        "action": request.path,
    }
    return render_page(request, "keys/revoke.html", "dialog", context)


def _facts(workspace: Workspace, chosen: ApiKeyQuerySet) -> Context:
    since = clock.cached_now() - LAST_HOUR
    known = revoke_facts(with_activity(chosen.with_people().recently_used_first(), since), workspace)
    facts = [fact for fact in known if fact.key.is_usable]
    return {
        "facts": facts,
        "ended": [fact for fact in known if not fact.key.is_usable],
        "in_use": [fact for fact in facts if fact.is_in_use],
    }


def _revoke(request: HttpRequest, workspace: Workspace, keys: list[ApiKey], back: str) -> HttpResponse:
    actor = Actor.of(request)
    services.begin_revocation(workspace, actor, keys, lambda: require_confirmation(request, back))
    try:
        results = services.revoke_keys(workspace, actor, keys)
    except REFUSALS as error:
        return _outcome(request, {"refusal": explain(error)})
    if len(results) == 1 and results[0].verdict in DONE and wants_partial(request):
        return _toast(results[0])
    return _outcome(request, {"results": _shown(results, workspace)})


def _toast(result: RevokeResult) -> HttpResponse:
    """Close the dialog with a toast; the list behind it reloads itself."""
    words = result.message or ("It was revoked already." if result.verdict is RevokeVerdict.ALREADY else "Revoked.")
    response = trigger_client_event(HttpResponse(), "toast", {"level": "ok", "text": f"{result.key.label}: {words}"})
    return trigger_client_event(response, "keys-changed", {})


def _shown(results: list[RevokeResult], workspace: Workspace) -> list[dict[str, object]]:
    return [
        {
            "key": result.key,
            "row": key_row(result.key, workspace),
            "verdict": result.verdict,
            "name": result.verdict.name,
            "words": verdict_text(result),
            "is_unlisted": result.is_unlisted,
        }
        for result in results
    ]


def _outcome(request: HttpRequest, outcome: Context) -> HttpResponse:
    results = outcome.get("results", [])
    verdicts = [result["verdict"] for result in results]
    context = {
        "revoked": verdicts.count(RevokeVerdict.REVOKED),
        "all_done": bool(verdicts) and all(verdict in DONE for verdict in verdicts),
        "again": [result["key"] for result in results if result["verdict"] not in DONE],
        "unknown": RevokeVerdict.UNKNOWN in verdicts,
    }
    response = render_page(request, "keys/revoked.html", "dialog", context | outcome)
    return trigger_client_event(response, "keys-changed", {})


@require_http_methods(SAFE_AND_POST)
def revoke_all(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what revoking everything means, and do it once the phrase has been typed."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    require_confirmation(request)
    form = RevokeAllForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return _revoke_all(request, workspace)
    context = {
        "form": form,
        "phrase": REVOKE_ALL_PHRASE,
        **_facts(workspace, ApiKey.objects.of(workspace).active()),
        "connection": KeyListConnection.of(workspace),
        "slots": key_slots(workspace),
    }
    return render(request, "keys/revoke_all.html", context, status=422 if form.is_bound else 200)


def _revoke_all(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    try:
        result = services.revoke_all_keys(workspace, Actor.of(request))
    except REFUSALS as error:
        return _outcome(request, {"refusal": explain(error), "was_all": True})
    whole = {
        "was_all": True,
        "verdict": result.verdict.name,
        "said": "" if result.error else result.message,
        "words": verdict_text(result) if result.error else "",
    }
    return _outcome(request, whole | {"results": _shown(result.keys, workspace)})
