"""The settings of a workspace. All members see them; owners change them."""

from django.conf import settings as console
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core.http import redirect_to, render_page
from workspaces import services
from workspaces.access import (
    confirmation_url,
    get_workspace,
    is_confirmed_or_resumed,
    require_confirmation,
    take_kept_entries,
)
from workspaces.audit.events import Actor
from workspaces.credentials.states import api_key_state, session_state
from workspaces.forms import ApiKeyForm, DetailsForm, SessionForm
from workspaces.models import Role, User, Workspace

TEMPLATE = "workspaces/settings.html"


@require_safe
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the connection, the status of the credentials, and the members."""
    return render(request, TEMPLATE, _context(request, get_workspace(request, slug)))


@require_POST
def change_details(request: HttpRequest, slug: str) -> HttpResponse:
    """Change the name and the API URL. With a new URL, rejected credentials are tried again."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request, _url(workspace), keep=("name", "base_url"))
    form = DetailsForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(request, workspace, details_form=form), status=422)
    services.rename_workspace(workspace, Actor.of(request), **form.cleaned_data)
    return redirect_to(request, _url(workspace), "Saved.")


@require_POST
def replace_api_key(request: HttpRequest, slug: str) -> HttpResponse:
    """Test a new API key. Store it if it works, or if it may work later and the person insists."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request, _url(workspace))
    form = ApiKeyForm(request.POST, prefix="key")
    context = _context(request, workspace, api_key_form=form)
    if not form.is_valid():
        return render_page(request, TEMPLATE, "api_key_answer", context, status=422)
    credentials = form.credentials()
    report = services.check_connection(workspace.base_url, credentials.for_api_key(), None)
    services.compare_organizations(report, workspace)
    if credentials.api_key is None or not _may_save(form, report):
        return render_page(request, TEMPLATE, "api_key_answer", context | {"key_report": report}, status=422)
    services.replace_api_key(workspace, Actor.of(request), credentials.api_key, report)
    return redirect_to(request, _url(workspace), "API key saved. Syncing starts now.")


@require_POST
def replace_session(request: HttpRequest, slug: str) -> HttpResponse:
    """Test a new source of session tokens. Store it under the same conditions as an API key."""
    workspace = get_workspace(request, slug, Role.OWNER)
    require_confirmation(request, _url(workspace))
    form = SessionForm(request.POST, prefix="session")
    context = _context(request, workspace, session_form=form)
    if not form.is_valid():
        return render_page(request, TEMPLATE, "session_answer", context, status=422)
    credentials = form.credentials()
    report = services.check_connection(workspace.base_url, None, credentials.for_session())
    services.compare_organizations(report, workspace)
    if not _may_save(form, report):
        return render_page(request, TEMPLATE, "session_answer", context | {"session_report": report}, status=422)
    services.replace_session(workspace, Actor.of(request), credentials, report)
    return redirect_to(request, _url(workspace), "Management session saved.")


@require_POST
def retry_credentials(request: HttpRequest, slug: str) -> HttpResponse:
    """Trust rejected credentials again."""
    workspace = get_workspace(request, slug, Role.OWNER)
    services.retry_credentials(workspace, Actor.of(request))
    return redirect_to(request, _url(workspace), "Trying the stored credentials again.")


def _may_save(form: ApiKeyForm | SessionForm, report: services.ConnectionReport) -> bool:
    return report.works or (form.cleaned_data["save_anyway"] and report.may_pass)


def _url(workspace: Workspace) -> str:
    return reverse("workspaces:settings", args=[workspace.slug])


def _context(request: HttpRequest, workspace: Workspace, **forms: object) -> dict[str, object]:
    """Return the template context; ``forms`` replaces empty forms by submitted ones with errors."""
    key_state, session = api_key_state(workspace), session_state(workspace)
    details = {"name": workspace.name, "base_url": workspace.base_url} | take_kept_entries(request)
    assert isinstance(request.user, User)  # noqa: S101 - get_workspace lets nobody else through
    return {
        "is_confirmed": is_confirmed_or_resumed(request),
        "confirmation_url": confirmation_url(request, _url(workspace)),
        "api_key_state": key_state,
        "session_state": session,
        "any_rejected": key_state.is_rejected or session.is_rejected,
        "details_form": DetailsForm(initial=details),
        "api_key_form": ApiKeyForm(prefix="key"),
        "session_form": SessionForm(prefix="session"),
        "memberships": workspace.memberships.select_related("user").order_by("user__email"),
        "origins": console.CLEANLIST_API_ORIGINS,
        **forms,
    }
