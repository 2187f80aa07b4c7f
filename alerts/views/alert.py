"""One alert: its page, and what people do about it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from alerts.forms import AcknowledgeForm, SnoozeForm
from alerts.models import Alert, Snooze
from alerts.services import alert_actions
from core import clock
from core.formatting import localize_times
from core.http import redirect_to
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

TEMPLATE = "alerts/alert.html"


@require_safe
def alert(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show what fired, its timeline and its e-mails."""
    workspace = get_workspace(request, slug)
    return render(request, TEMPLATE, _context(_alert(workspace, pk)))


@require_POST
def acknowledge(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Stop reminders."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    found = _alert(workspace, pk)
    form = AcknowledgeForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(found, acknowledge_form=form), status=422)
    done = alert_actions.acknowledge(found, Actor.of(request), form.cleaned_data["note"])
    text = "Acknowledged: no more reminders." if done else "It is acknowledged or over already."
    return redirect_to(request, found.get_absolute_url(), text)


@require_POST
def snooze(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Silence it until a date or a level."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    found = _alert(workspace, pk)
    form = SnoozeForm(found, request.POST)
    if found.rule is None or not found.is_open:
        return redirect_to(request, found.get_absolute_url(), "It is over; there is nothing to snooze.")
    if not form.is_valid():
        return render(request, TEMPLATE, _context(found, snooze_form=form), status=422)
    until, level = form.cleaned_data["until"], form.cleaned_data.get("level")
    alert_actions.snooze(found, Actor.of(request), until=until, level=level)
    return redirect_to(request, found.get_absolute_url(), "Snoozed.")


@require_POST
def wake(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End the snooze."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    found = _alert(workspace, pk)
    alert_actions.wake(found, Actor.of(request))
    return redirect_to(request, found.get_absolute_url(), "The snooze is over.")


def _alert(workspace: Workspace, pk: int) -> Alert:
    rows = Alert.objects.select_related("workspace", "rule", "acknowledged_by")
    return get_object_or_404(rows, workspace=workspace, pk=pk)


def _context(found: Alert, **forms: object) -> dict[str, object]:
    snoozes = Snooze.objects.in_force(clock.cached_now()).filter(rule=found.rule_id, subject=found.subject)
    return {
        "alert": found,
        "facts": [(label, localize_times(text)) for label, text in found.facts],
        "unit": found.rule.kind_of.unit if found.rule and found.rule.kind_of else "",
        "is_flag": bool(found.rule and found.rule.kind_of and found.rule.kind_of.is_flag),
        "snooze": snoozes.select_related("by").first() if found.rule_id else None,
        "timeline": found.transitions.select_related("by"),
        "emails": found.notifications.select_related("recipient").order_by("pk"),
        "acknowledge_form": AcknowledgeForm(),
        "snooze_form": SnoozeForm(found),
        **forms,
    }
