"""The alerts of a workspace: what fires, what is over, which rules watch; each alert, and what people do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from alerts.context import without_milder
from alerts.engine.evaluation import observe
from alerts.engine.rule_kinds import NoData, Observation, Observations, all_kinds
from alerts.forms import AcknowledgeForm, SnoozeForm
from alerts.mail import smtp
from alerts.models import Alert, Evaluation, Rule, Snooze
from alerts.services import alert_actions
from alerts.services.reachability import unreached_rules
from core import clock
from core.formatting import counted, format_quantity, localize_times
from core.http import Undo, redirect_to, render_page
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

PAST = 20
MOST_AT_ONCE = 100
MONTH = timedelta(days=30)
TEMPLATE = "alerts/alert.html"


@dataclass(frozen=True)
class RuleRow:
    """One rule in the list, with its current observations."""

    rule: Rule
    no_data: str
    observations: list[Observation]
    crossed: list[Observation]
    fired: int
    unreached: Mapping[str, str] | None  # by address, why its e-mails reach no one

    @property
    def has_level(self) -> bool:
        """Return whether the rule fires at a level, which can be changed in place."""
        kind = self.rule.kind_of
        return kind is not None and not kind.is_flag

    @property
    def level(self) -> str:
        """Return the level as its field has it."""
        return f"{self.rule.threshold.normalize():f}"

    @property
    def unit(self) -> str:
        """Return what the level is counted in."""
        kind = self.rule.kind_of
        return "%" if self.rule.parameters.get("unit") == "percent" else kind.unit if kind else ""

    @property
    def shown(self) -> Observation | None:
        """Return the observation to show: the first past the threshold, or the only one."""
        if self.crossed:
            return self.crossed[0]
        return self.observations[0] if len(self.observations) == 1 else None


@dataclass(frozen=True)
class RefusedLevel:
    """A level that the list's field of a rule does not take: what was typed, and what is wrong with it."""

    rule: Rule
    typed: str
    problem: str


@require_safe
def alerts(request: HttpRequest, slug: str) -> HttpResponse:
    """Show current alerts, past ones, and the rules with their state now."""
    return show_list(request, get_workspace(request, slug))


def show_list(request: HttpRequest, workspace: Workspace, refused: RefusedLevel | None = None) -> HttpResponse:
    """Return the page of ``alerts``, with what is wrong with a level that was typed there."""
    rows = Alert.objects.filter(workspace=workspace)
    current = list(rows.open().select_related("rule", "acknowledged_by").worst_first())
    past = list(rows.past()[:PAST])
    for one in (*current, *past):
        one.workspace = workspace
    firing = without_milder(alert for alert in current if alert.fired_at)
    context = {
        "evaluation": Evaluation.objects.filter(workspace=workspace).first(),
        "alerts": firing,
        "open_count": sum(1 for alert in firing if alert.acknowledged_at is None),
        "has_mail_server": smtp.has_server(),
        "pending": [alert for alert in current if not alert.fired_at],
        "snoozed": snoozed_pairs(workspace),
        "past": past,
        "groups": grouped(rule_rows(workspace)),
        "refused": refused,
    }
    return render_page(request, "alerts/list.html", "living", context, status=422 if refused else 200)


def grouped(rows: list[RuleRow]) -> list[tuple[str, list[RuleRow]]]:
    """Return the rules under the heading of what they watch, in the order of their kinds."""
    found: dict[str, list[RuleRow]] = {}
    for row in rows:
        kind = row.rule.kind_of
        found.setdefault(kind.group if kind else "Other", []).append(row)
    return list(found.items())


def snoozed_pairs(workspace: Workspace) -> set[str]:
    """Return "rule:subject" of what is snoozed now."""
    snoozes = Snooze.objects.in_force(clock.cached_now()).filter(rule__workspace=workspace)
    return {f"{rule_id}:{subject}" for rule_id, subject in snoozes.values_list("rule_id", "subject")}


def rule_rows(workspace: Workspace) -> list[RuleRow]:
    """Return every rule with its observations, in a number of queries that does not grow with them."""
    now = clock.cached_now()
    fired = Count("alerts", filter=Q(alerts__fired_at__gte=now - MONTH))
    rules: list[Any] = list(workspace.alert_rules.annotate(times_fired=fired).mildest_first())
    place = {kind.name: number for number, kind in enumerate(all_kinds())}
    rules.sort(key=lambda rule: place.get(rule.kind, len(place)))
    observed = observe(workspace, [rule for rule in rules if rule.enabled], now)
    unreached = unreached_rules(workspace, rules)
    return [_row(rule, rule.times_fired, observed.get(rule.pk, ()), unreached.get(rule.pk)) for rule in rules]


def _row(rule: Rule, fired: int, observed: Observations, unreached: Mapping[str, str] | None) -> RuleRow:
    if isinstance(observed, NoData):
        return RuleRow(rule, observed.reason, [], [], fired, unreached)
    crossed = [observation for observation in observed if rule.levels_for(observation).crossed(observation.value)]
    return RuleRow(rule, "", list(observed), crossed, fired, unreached)


@require_safe
def alert(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show what fired, its timeline and its e-mails."""
    workspace = get_workspace(request, slug)
    return render_page(request, TEMPLATE, "living", _context(_alert(workspace, pk)))


@require_POST
def acknowledge(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Stop reminders."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    found = _alert(workspace, pk)
    form = AcknowledgeForm(request.POST)
    if not form.is_valid():
        return render(request, TEMPLATE, _context(found, acknowledge_form=form), status=422)
    if not alert_actions.acknowledge(found, Actor.of(request), form.cleaned_data["note"]):
        return redirect_to(request, found.get_absolute_url(), "Already acknowledged or resolved.")
    undo = Undo(reverse("alerts:withdraw", args=[workspace.slug]), {"alert": str(found.pk), "back": "alert"})
    return redirect_to(request, found.get_absolute_url(), "Acknowledged. Reminders stopped.", undo)


@require_POST
def acknowledge_selected(request: HttpRequest, slug: str) -> HttpResponse:
    """Acknowledge the alert of the pressed button ("only"), or those chosen."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    chosen = _numbers(request.POST.getlist("only") or request.POST.getlist("alert"))
    found = Alert.objects.filter(workspace=workspace, pk__in=chosen).select_related("workspace")
    done = alert_actions.acknowledge_all(found, Actor.of(request))
    if not done:
        return redirect_to(request, list_url(workspace), "Already acknowledged or resolved.")
    undo = Undo(reverse("alerts:withdraw", args=[workspace.slug]), {"alert": ",".join(str(alert.pk) for alert in done)})
    what = f"“{done[0].title}” acknowledged" if len(done) == 1 else f"{counted(len(done), 'alert')} acknowledged"
    return redirect_to(request, list_url(workspace), f"{what}. Reminders stopped.", undo)


@require_POST
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Undo acknowledgments."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    chosen = _numbers(request.POST.get("alert", "").split(","))
    rows = list(Alert.objects.filter(workspace=workspace, pk__in=chosen).select_related("workspace"))
    done = [alert for alert in rows if alert_actions.withdraw_acknowledgment(alert, Actor.of(request))]
    text = f"{counted(len(done), 'alert')} no longer acknowledged." if done else "Nothing to undo."
    is_from_alert = request.POST.get("back") == "alert" and len(rows) == 1
    return redirect_to(request, rows[0].get_absolute_url() if is_from_alert else list_url(workspace), text)


def list_url(workspace: Workspace) -> str:
    """Return the URL of the workspace's alerts and rules."""
    return reverse("alerts:list", args=[workspace.slug])


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts[:MOST_AT_ONCE] if text.isascii() and text.isdecimal() and len(text) < 19]


@require_POST
def snooze(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Silence it until a date or a level."""
    workspace = get_workspace(request, slug, Role.OPERATOR)
    found = _alert(workspace, pk)
    form = SnoozeForm(found, request.POST)
    if found.rule is None or not found.is_open:
        return redirect_to(request, found.get_absolute_url(), "Already resolved. There is nothing to snooze.")
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
    return redirect_to(request, found.get_absolute_url(), "Snooze ended.")


def _alert(workspace: Workspace, pk: int) -> Alert:
    rows = Alert.objects.select_related("workspace", "rule", "acknowledged_by")
    return get_object_or_404(rows, workspace=workspace, pk=pk)


def _context(found: Alert, **forms: object) -> dict[str, object]:
    snoozes = Snooze.objects.in_force(clock.cached_now()).filter(rule=found.rule_id, subject=found.subject)
    snooze = snoozes.select_related("by").first() if found.rule_id else None
    kind = found.rule.kind_of if found.rule else None
    unit = kind.unit if kind else ""
    return {
        "alert": found,
        "facts": [(label, localize_times(text)) for label, text in found.facts],
        "levels": _levels(found, unit),
        "snoozed_until": format_quantity(snooze.level, unit) if snooze and snooze.level is not None else "",
        "direction": kind.direction if kind else "",
        "is_flag": bool(kind and kind.is_flag),
        "snooze": snooze,
        "timeline": found.transitions.select_related("by"),
        "emails": found.notifications.select_related("recipient").order_by("pk"),
        "acknowledge_form": AcknowledgeForm(),
        "snooze_form": SnoozeForm(found),
        **forms,
    }


def _levels(found: Alert, unit: str) -> list[tuple[str, str]]:
    """Return value and levels with their names, as far as they are known."""
    value = "Value" if found.is_open else "Last value"
    known = ((value, found.value), ("Threshold", found.threshold), ("Resolves at", found.recovery))
    return [(name, "—" if level is None else format_quantity(level, unit)) for name, level in known]
