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
        return redirect_to(request, _settings(workspace), "The API key is removed from this console.")
    return _ask(
        request,
        workspace,
        title="Remove the API key from this console?",
        button="Remove the key",
        consequences=[
            "The credit balance is no longer read.",
            "What was read so far stays.",
            "Upstream the key stays active: whoever has it can go on using it.",
        ],
    )


@confirmed
def remove_session(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete the source of session tokens, after a confirmation page."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request)
    if request.method == "POST":
        services.remove_session(workspace, Actor.of(request))
        return redirect_to(request, _settings(workspace), "The management session is removed from this console.")
    return _ask(
        request,
        workspace,
        title="Remove the management session from this console?",
        button="Remove the session",
        consequences=[
            "Keys can no longer be created or revoked here, and request logs are no longer read.",
            "What was read so far stays.",
            "Upstream the session stays signed in until it is ended there.",
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
        return redirect_to(request, reverse("home"), f"{workspace.name} is removed from this console.")
    return _ask(
        request,
        workspace,
        title=f"Remove {workspace.name}?",
        button="Remove the workspace",
        phrase=workspace.name,
        error=" ".join(map(str, form.errors.get("phrase", []))),
        consequences=[
            "Nothing changes upstream: keys stay active, credits stay where they are.",
            "The stored credentials and everything read so far are deleted here; that cannot be undone.",
            "Request logs older than the 500 rows a key that Cleanlist itself keeps are lost.",
            "The audit trail stays; site admins can read it.",
        ],
    )


def _settings(workspace: Workspace) -> str:
    return reverse("workspaces:settings", args=[workspace.slug])


def _ask(request: HttpRequest, workspace: Workspace, **words: object) -> HttpResponse:
    context = {"back_url": _settings(workspace), "action_url": request.path, **words}
    status = 422 if words.get("error") else 200
    return render_page(request, TEMPLATE, "dialog", context, status=status)
