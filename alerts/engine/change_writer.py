"""Writes planned changes: alerts, timelines and notifications. Runs in the evaluation's transaction."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from alerts.engine.plan import Change, facts_of, headline_of, to_column
from alerts.engine.state_machine import Memory, State
from alerts.models import Alert, Notification, Snooze, Transition
from alerts.services.notifications import AlertMessage, NotificationWriter
from core.formatting import format_duration
from core.sanitize import sanitize_text
from workspaces.models import Workspace

UPDATED_FIELDS = (
    "rule_name", "severity", "edited", "subject_label", "subject_url", "headline", "condition", "facts", "value",
    "threshold", "recovery", "evaluated_at", "state", "hidden_state", "fired_at", "resolved_at", "notified_at",
    "notifications_sent",
)  # fmt: skip


class ChangeWriter:
    """Writes the changes of one workspace, in a number of queries that does not grow with them."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self.messages: list[AlertMessage] = []
        self.transitions: list[Transition] = []
        self.deleted: list[int] = []

    def apply(self, changes: Sequence[Change]) -> None:
        """Write all changes, worst rules first."""
        alerts = [self._updated_alert(change) for change in changes]
        opened = [alert for alert in alerts if alert.pk is None]
        kept = [alert for alert in alerts if alert.pk is not None and alert.pk not in self.deleted]
        if self.deleted:
            Alert.objects.filter(pk__in=self.deleted).delete()
        Alert.objects.bulk_create(opened)
        outbox = NotificationWriter(self.workspace, self.now, self.messages)
        outbox.write()
        Alert.objects.bulk_update(kept, UPDATED_FIELDS)
        self._write_timeline(changes)
        outbox.flush()

    def _updated_alert(self, change: Change) -> Alert:
        """Return the alert after ``change``, not yet stored, and collect its transitions and messages."""
        alert = change.alert or self._build_alert(change)
        alert.workspace = self.workspace
        if change.after.state == State.UNKNOWN:
            self._set_state(alert, change.after, f"No data: {change.text}")
        elif change.after.state == State.OK:
            self._resolve(alert, change)
        else:
            self._update(alert, change)
        return alert

    def _build_alert(self, change: Change) -> Alert:
        rule = change.rule
        return Alert(
            rule=rule,
            kind=rule.kind,
            rule_name=rule.name,
            severity=rule.severity,
            subject=change.observation.subject if change.observation else "",
            started_at=self.now,
        )

    def _update(self, alert: Alert, change: Change) -> None:
        """Copy the observation to the alert, which holds everything that pages and e-mails show."""
        for name, value in change.values.items():
            setattr(alert, name, value)
        alert.facts, alert.evaluated_at = facts_of(change.observation), self.now
        fired = change.after.state == State.FIRING and alert.fired_at is None
        alert.fired_at = self.now if fired else alert.fired_at
        self._set_state(
            alert, change.after, f"{_describe_transition(alert, change.after, fired=fired)}: {alert.headline}"
        )
        if change.ended_snooze:
            self._add_transition(alert, alert.state, "Snooze ended")
        if change.email:
            alert.notifications_sent += 1
            alert.notified_at = self.now
            self.messages.append(AlertMessage(change.email, alert, change.rule, edited=alert.edited))
            alert.edited = ""

    def _resolve(self, alert: Alert, change: Change) -> None:
        if alert.fired_at is None:
            self.deleted.append(alert.pk)  # it recovered within the pending time
            return
        alert.resolved_at = self.now
        text = headline_of(change.observation) if change.observation else change.text
        value = to_column(change.observation.value_for(fires=True)) if change.observation else None
        before, alert.state, alert.hidden_state = alert.state, Alert.State.RESOLVED, ""
        self._add_transition(alert, before, f"Resolved after {format_duration(alert.duration)}: {text}", value)
        if change.ended_snooze:
            self._add_transition(alert, alert.state, "Snooze ended with the alert")
        headline, facts = sanitize_text(text, 300), facts_of(change.observation)
        self.messages.append(
            AlertMessage(Notification.Kind.RESOLVED, alert, change.rule, headline, facts, alert.edited)
        )

    def _set_state(self, alert: Alert, after: Memory, text: str) -> None:
        before = alert.state
        if before != after.state:
            hidden = after.hidden if after.state == State.UNKNOWN else ""
            alert.state, alert.hidden_state = Alert.State(after.state), hidden
            self._add_transition(alert, before, text)

    def _add_transition(self, alert: Alert, before: str, text: str, value: Decimal | None = None) -> None:
        value = alert.value if value is None else value
        line = Transition(alert=alert, at=self.now, before=before, after=alert.state, value=value)
        line.text = sanitize_text(text, 500)
        self.transitions.append(line)

    def _write_timeline(self, changes: Sequence[Change]) -> None:
        for line in self.transitions:
            line.alert_id = line.alert.pk  # new alerts have a primary key only now
        Transition.objects.bulk_create(self.transitions)
        if ended := [change.ended_snooze.pk for change in changes if change.ended_snooze]:
            Snooze.objects.filter(pk__in=ended).delete()


def _describe_transition(alert: Alert, after: Memory, *, fired: bool) -> str:
    if fired:
        return "Fired"
    if not alert.state:
        return "Crossed the threshold"
    return "Data is back, still firing" if after.state == State.FIRING else "Data is back"
