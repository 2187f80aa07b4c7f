"""Removes credentials and workspaces, after a confirmation page or dialog that names the consequences."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import redirect_to, render_page
from workspaces import services
from workspaces.access import get_workspace, require_confirmation
from workspaces.audit.events import Actor
from workspaces.forms import RemoveWorkspaceForm
from workspaces.models import Role, Workspace
from workspaces.request_state import state_of

TEMPLATE = "workspaces/confirm.html"
confirmed = require_http_methods(["GET", "HEAD", "POST"])


@confirmed
def remove_api_key(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete the stored API key, after a confirmation page."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request)
    if request.method == "POST":
        services.remove_api_key(workspace, Actor.of(request))
        return redirect_to(request, _settings(workspace), "API key removed from this console.")
    return _ask(
        request,
        workspace,
        title="Remove the API key from this console?",
        button="Remove API key",
        consequences=[
            "The console stops syncing the credit balance.",
            "Data synced so far is kept.",
            "The key stays active in Cleanlist. Anyone who has it can still use it.",
        ],
    )


@confirmed
def remove_session(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete the source of session tokens, after a confirmation page."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request)
    if request.method == "POST":
        services.remove_session(workspace, Actor.of(request))
        return redirect_to(request, _settings(workspace), "Management session removed from this console.")
    return _ask(
        request,
        workspace,
        title="Remove the management session from this console?",
        button="Remove management session",
        consequences=[
            "You can no longer create or revoke keys here, and the console stops syncing request logs.",
            "Data synced so far is kept.",
            "The session stays signed in at Cleanlist until you end it there.",
        ],
    )


@confirmed
def remove_workspace(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete the workspace, after a confirmation page that asks for its name."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request)
    form = RemoveWorkspaceForm(workspace, request.POST or None)
    if form.is_valid():
        services.remove_workspace(workspace, Actor.of(request))
        state_of(request).workspace = None  # deleted, so pages cannot show it
        return redirect_to(request, reverse("home"), f"{workspace.name} removed from this console.")
    return _ask(
        request,
        workspace,
        title=f"Remove {workspace.name}?",
        button="Remove workspace",
        phrase=workspace.name,
        error=" ".join(map(str, form.errors.get("phrase", []))),
        consequences=[
            "Nothing changes in Cleanlist: keys stay active and credits are unaffected.",
            "The stored credentials and all synced data are deleted here. This can't be undone.",
            "Cleanlist keeps only the latest 500 requests per key, so older request logs are lost.",
            "The audit trail is kept. Site admins can view it.",
        ],
    )


def _settings(workspace: Workspace) -> str:
    return reverse("workspaces:settings", args=[workspace.slug])


def _ask(request: HttpRequest, workspace: Workspace, **words: object) -> HttpResponse:
    context = {"back_url": _settings(workspace), "action_url": request.path, **words}
    status = 422 if words.get("error") else 200
    return render_page(request, TEMPLATE, "dialog", context, status=status)
