"""Checking an endpoint: the form with earlier checks, and one check with its steps as they come."""

from datetime import timedelta
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from core import clock
from core.http import redirect_to, render_page
from webhooks.checks import services
from webhooks.checks.probe import LABELS
from webhooks.forms import CheckForm
from webhooks.models import EndpointCheck
from webhooks.payloads import TEST_HEADER
from webhooks.reasons import reason_named
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

MAX_SHOWN = 50
# A worker starts a check at once; after so long there is probably none.
WORKER_LATE = timedelta(seconds=15)


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form, filled with parameter ``url``, and earlier checks; on POST begin one."""
    workspace = get_workspace(request, slug, Role.OPERATOR if request.method == "POST" else Role.VIEWER)
    if request.method != "POST":
        return render(request, "webhooks/check.html", _form_context(workspace, _prefilled(request)))
    form = CheckForm(request.POST)
    if form.is_valid():
        try:
            begun = services.start_check(workspace, Actor.of(request), form.cleaned_data["url"])
            return redirect_to(request, begun.get_absolute_url())
        except services.TooManyChecks as error:
            form.add_error(None, str(error))
    return render(request, "webhooks/check.html", _form_context(workspace, form), status=422)


@require_safe
def check_result(request: HttpRequest, slug: str, check_id: UUID) -> HttpResponse:
    """Show one check, and go on showing it until it has ended."""
    workspace = get_workspace(request, slug)
    found = EndpointCheck.objects.of(workspace).select_related("requested_by").filter(check_id=check_id).first()
    if found is None:
        raise Http404("Check not found in this workspace.")
    is_late = found.leased_until is None and clock.cached_now() - found.created_at > WORKER_LATE
    context = {
        "check": found,
        "steps": step_rows(found),
        "reason": reason_named(found.reason),
        "is_late": found.finished_at is None and is_late,
    }
    return render_page(request, "webhooks/check_result.html", "live", context)


def step_rows(found: EndpointCheck) -> list[dict[str, object]]:
    """Return every step with its label; those that have not ended are running or waiting."""
    ended = {step["name"]: step for step in found.steps}
    rows: list[dict[str, object]] = []
    for name, label in LABELS.items():
        step = ended.get(name) or {"state": "waiting" if rows and rows[-1]["state"] in _OPEN else "running"}
        rows.append({"label": label, **step})
    return rows


_OPEN = {"running", "waiting"}


def _prefilled(request: HttpRequest) -> CheckForm:
    return CheckForm(initial={"url": request.GET.get("url", "")[:2000]})


def _form_context(workspace: Workspace, form: CheckForm) -> dict[str, object]:
    checks = EndpointCheck.objects.of(workspace).select_related("requested_by")[:MAX_SHOWN]
    rows = [(each, reason_named(each.reason)) for each in checks]
    return {"form": form, "checks": rows, "test_header": TEST_HEADER}
