"""Dismisses the checklist and brings it back; asks the sandbox for a balance, or to reset its demo."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from alerts.models import Alert
from core.formatting import format_number
from core.http import redirect_to, render_page
from usage.thresholds import BALANCE_BELOW
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Milestone, Role, Workspace
from workspaces.polling.registry import BALANCE, KEYS
from workspaces.services import milestones, refresh
from workspaces.services.sandbox import FULL_BALANCE, SandboxRefused, reset_demo, set_credits

# The balances that the sandbox can be asked for.
BALANCES = {"none": 0, "full": FULL_BALANCE}


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


@require_http_methods(["GET", "HEAD", "POST"])
def sandbox_reset(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what a reset of the demo does; then have the sandbox do it, and sync keys and balance at once."""
    workspace = get_workspace(request, slug, Role.OWNER)
    if request.method != "POST":
        return render_page(request, "workspaces/confirm.html", "dialog", _reset_context(request, workspace))
    try:
        reset_demo(workspace, Actor.of(request))
    except SandboxRefused as refusal:
        messages.error(request, str(refusal))
        return redirect_to(request, workspace.get_absolute_url())
    for resource in (KEYS, BALANCE):
        refresh(workspace, resource)
    return redirect_to(request, workspace.get_absolute_url(), "The demo data was reset.")


def _reset_context(request: HttpRequest, workspace: Workspace) -> dict[str, object]:
    return {
        "title": "Reset the demo data?",
        "button": "Reset demo data",
        "keep": "Cancel",
        "back_url": workspace.get_absolute_url(),
        "back_label": "Overview",
        "action_url": request.path,
        "consequences": [
            "Revoked demo keys become active again, and all demo keys get back their names and expiry.",
            "Keys created since then are revoked, except the one this console uses.",
            f"The balance becomes {format_number(FULL_BALANCE)} credits, and running enrichments finish at once.",
            "Simulated failures end. Plan, scopes, rate limits and CRM connections return to their initial state.",
            "Past requests, webhooks, alerts and the audit trail stay.",
        ],
    }


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
