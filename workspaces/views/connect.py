"""Connects a workspace: tests the connection first, then saves it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from core.http import redirect_to, render_page
from workspaces import services
from workspaces.access import require_confirmation, require_connector
from workspaces.audit.events import Actor
from workspaces.forms import ConnectForm
from workspaces.services import ConnectionReport

TEMPLATE = "workspaces/connect.html"


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    """Show the form. On POST, test the connection and save it if it works, or may work later and the person insists."""
    require_connector(request)
    require_confirmation(request)
    if request.method != "POST":
        return render(request, TEMPLATE, _context(ConnectForm()))
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return render_page(request, TEMPLATE, "answer", _context(form), status=422)
    report = _check(form)
    if not (report.works or (form.cleaned_data["save_anyway"] and report.may_pass)):
        return render_page(request, TEMPLATE, "answer", _context(form, report, saving=True), status=422)
    workspace = services.connect_workspace(
        Actor.of(request),
        name=form.cleaned_data["name"],
        base_url=form.cleaned_data["base_url"],
        credentials=form.credentials(),
        report=report,
    )
    return redirect_to(request, workspace.get_absolute_url(), f"{workspace.name} is connected.")


@require_POST
def connect_test(request: HttpRequest) -> HttpResponse:
    """Test the connection and report each check. Saves nothing."""
    require_connector(request)
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return render_page(request, TEMPLATE, "answer", _context(form), status=422)
    return render_page(request, TEMPLATE, "answer", _context(form, _check(form)))


def _check(form: ConnectForm) -> ConnectionReport:
    credentials = form.credentials()
    return services.check_connection(
        form.cleaned_data["base_url"], credentials.for_api_key(), credentials.for_session()
    )


def _context(form: ConnectForm, report: ConnectionReport | None = None, *, saving: bool = False) -> dict[str, object]:
    return {
        "form": form,
        "report": report,
        "saving": saving,
        "origins": settings.CLEANLIST_API_ORIGINS,
        "typed_before": form.is_bound,
    }
