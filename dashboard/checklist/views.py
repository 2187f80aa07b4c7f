"""Dismisses the checklist and brings it back; asks the sandbox for a balance."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alerts.models import Alert
from core.formatting import format_number
from core.http import redirect_to
from usage.thresholds import BALANCE_BELOW
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Milestone, Role, Workspace
from workspaces.polling.registry import BALANCE
from workspaces.services import milestones, refresh
from workspaces.services.sandbox import SandboxRefused, set_credits

# The balances that the sandbox can be asked for.
BALANCES = {"none": 0, "full": 10_000}


@require_POST
def first_steps(request: HttpRequest, slug: str) -> HttpResponse:
    """Bring the checklist back with ``show``; otherwise dismiss it, for this person and workspace."""
    workspace = get_workspace(request, slug)
    if "show" in request.POST:
        milestones.forget(request, workspace, Milestone.Name.DISMISSED)
        return redirect_to(request, f"{workspace.get_absolute_url()}#first-steps")
    milestones.note(request, workspace, Milestone.Name.DISMISSED)
    done = "Checklist dismissed. “Show first steps” in your account menu brings it back."
    return redirect_to(request, workspace.get_absolute_url(), done)


@require_POST
def sandbox_credits(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the sandbox set its balance, sync that at once, and say where the alert is."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    amount = BALANCES.get(request.POST.get("to", ""))
    if amount is None:
        return HttpResponseBadRequest("There is no such balance.\n", content_type="text/plain")
    try:
        set_credits(workspace, Actor.of(request), amount)
    except SandboxRefused as refusal:
        messages.error(request, str(refusal))
    else:
        refresh(workspace, BALANCE)
        messages.success(request, _what_follows(workspace, amount))
    return redirect_to(request, workspace.get_absolute_url())


def _what_follows(workspace: Workspace, amount: Decimal | int) -> str | SafeString:
    now = f"The sandbox's balance is {format_number(amount)}."
    if amount:
        return now
    alert = Alert.objects.current().filter(workspace=workspace, kind=BALANCE_BELOW).worst_first().first()
    if alert is not None:
        alert.workspace = workspace
        return format_html('{} An alert is active. <a href="{}">View alert</a>', now, alert.get_absolute_url())
    alerts = reverse("alerts:list", args=[workspace.slug])
    return format_html('{} Alert rules are checked within a minute. <a href="{}">View alerts</a>', now, alerts)
