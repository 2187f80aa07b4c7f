"""Creates, changes and removes rules; each change writes an audit event."""

from django.db import transaction

from alerts.models import Alert, Evaluation, Notification, Rule, Snooze, Transition
from alerts.services.notifications import AlertMessage, NotificationWriter
from core import clock
from core.sanitize import sanitize_text
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace

FIELDS = (
    "name",
    "severity",
    "parameters",
    "threshold",
    "recovery",
    "pending_seconds",
    "repeat_seconds",
    "to_owners",
    "addresses",
    "enabled",
)

# The fields that decide whether a rule fires, and how severe that is.
FIRING_FIELDS = ("severity", "parameters", "threshold", "recovery")


class RuleRequired(Exception):
    """The rule cannot be turned off or removed; its text is for people."""

    def __init__(self, rule: Rule) -> None:
        kind = rule.kind_of
        super().__init__(f"“{rule.name}” stays on: {kind.required_because if kind else 'it is required'}.")


def save_rule(rule: Rule, actor: Actor, before: dict[str, str] | None = None) -> None:
    """Store a new or changed rule; it is evaluated within seconds. Raises RuleRequired."""
    if rule.is_required and not rule.enabled:
        raise RuleRequired(rule)
    action = Action.ALERT_RULE_CHANGED if rule.pk else Action.ALERT_RULE_CREATED
    with transaction.atomic():
        was = Rule.objects.filter(pk=rule.pk).first()
        rule.save()
        if not rule.enabled:
            _end_alerts(rule, actor, "The rule was turned off")
        elif was is not None and any(getattr(was, name) != getattr(rule, name) for name in FIRING_FIELDS):
            record_rule_change(rule, actor, "The rule was changed")
        evaluate_soon(rule.workspace)
        record_event(
            action,
            actor,
            workspace=rule.workspace,
            subject=(str(rule.pk), rule.name),
            before=before or {},
            after=describe(rule),
        )


def remove_rule(rule: Rule, actor: Actor, why: str = "The rule was removed") -> None:
    """Remove a rule. Its past alerts stay, and whoever was notified that it fires learns that nothing watches any more.

    Raises RuleRequired.
    """
    if rule.is_required:
        raise RuleRequired(rule)
    with transaction.atomic():
        _end_alerts(rule, actor, why)
        subject = (str(rule.pk), rule.name)
        record_event(Action.ALERT_RULE_REMOVED, actor, workspace=rule.workspace, subject=subject, before=describe(rule))
        rule.delete()


def describe(rule: Rule) -> dict[str, str]:
    """Return the rule's settings as text, for the audit trail."""
    return {name: str(getattr(rule, name)) for name in FIELDS}


def _end_alerts(rule: Rule, actor: Actor, text: str) -> None:
    """End the rule's open alerts, and notify everybody who was notified that they fire."""
    now = clock.now()
    Alert.objects.open().filter(rule=rule, fired_at__isnull=True).delete()
    alerts = list(Alert.objects.current().filter(rule=rule).select_for_update())
    for alert in alerts:
        alert.workspace, alert.resolved_at = rule.workspace, now
        Transition.objects.create(alert=alert, before=alert.state, after="resolved", text=text, by=actor.user)
    ended = f"{text}{_by(actor)}."
    outbox = NotificationWriter(
        rule.workspace,
        now,
        [
            AlertMessage(Notification.Kind.RESOLVED, alert, rule, alert.headline, alert.facts, ended=ended)
            for alert in alerts
        ],
    )
    outbox.write()
    for alert in alerts:
        alert.state, alert.hidden_state = Alert.State.RESOLVED, ""
    Alert.objects.bulk_update(alerts, ["state", "hidden_state", "resolved_at", "notifications_sent"])
    Snooze.objects.filter(rule=rule, until=None).delete()
    outbox.flush()


def record_rule_change(rule: Rule, actor: Actor, what: str, was: str = "") -> None:
    """Have the next e-mail about the rule's firing alerts say ``what`` was changed, and what applied before."""
    for alert in Alert.objects.current().filter(rule=rule):
        before = was or f"{alert.level.label.lower()}, {alert.condition}"
        alert.edited = sanitize_text(f"{what}{_by(actor)}. Before: {before}.", 600)
        alert.save(update_fields=["edited"])
        Transition.objects.create(alert=alert, before=alert.state, after=alert.state, text=alert.edited[:500])


def _by(actor: Actor) -> str:
    return f" by {actor.user.email}" if actor.user else ""


def evaluate_soon(workspace: Workspace) -> None:
    """Have the rules of ``workspace`` evaluated within seconds."""
    Evaluation.objects.filter(workspace=workspace).update(next_run_at=clock.now())
