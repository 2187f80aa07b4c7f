"""Turns readings into alerts, their timeline and their notifications. Runs inside the evaluation's transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import structlog
from django.db import transaction

from alerts.evaluation import Memory, State, step
from alerts.kinds import Reading, Readings, Unreadable
from alerts.models import Alert, Notification, Rule, Snooze, Transition
from alerts.services.notifying import Outbox
from alerts.words import span
from workspaces.models import Workspace
from workspaces.texts import plain_json, plain_text

logger = structlog.get_logger(__name__)
FIGURE = Decimal("0.0001")
LARGEST = Decimal(10) ** 19


class Pass:
    """One evaluation of one workspace: loads what is open, moves it on, and writes what follows from that."""

    def __init__(self, workspace: Workspace, rules: Sequence[Rule], now: datetime) -> None:
        self.workspace, self.now = workspace, now
        # Worst first, so that a milder rule knows whom a worse one has told already.
        self.rules = sorted(rules, key=lambda rule: (-rule.level.rank, rule.pk))
        self.alerts: dict[int, dict[str, Alert]] = defaultdict(dict)
        for alert in Alert.objects.open().filter(rule__in=[rule.pk for rule in rules]).select_for_update():
            self.alerts[alert.rule_id or 0][alert.subject] = alert
        snoozes = Snooze.objects.filter(rule__in=[rule.pk for rule in rules])
        self.snoozes = {(snooze.rule_id, snooze.subject): snooze for snooze in snoozes}
        self.outbox = Outbox(workspace, now)

    def apply(self, readings: Mapping[int, Readings]) -> None:
        """Move every alert on."""
        for rule in self.rules:
            seen = readings.get(rule.pk, ())
            if isinstance(seen, Unreadable):
                for alert in self.alerts[rule.pk].values():
                    self._lose_sight(alert, rule, seen.reason)
                continue
            for reading in seen:
                self._see(rule, reading)
            subjects = {reading.subject for reading in seen}
            for alert in self.alerts[rule.pk].values():
                if alert.subject not in subjects:
                    self._close(alert, "No longer watched: it is gone, or not in use any more")
        self.outbox.flush()

    def _see(self, rule: Rule, reading: Reading) -> None:
        levels = rule.levels_for(reading)
        alert = self.alerts[rule.pk].get(reading.subject)
        after = step(alert.memory if alert else Memory(), levels, reading.value, self.now)
        if alert is None:
            if after.state in {State.PENDING, State.FIRING}:
                self._open(rule, reading, after)
        elif after.state == State.OK:
            self._close(alert, reading.headline, reading)
        else:
            self._go_on(alert, rule, reading, after)

    def _open(self, rule: Rule, reading: Reading, after: Memory) -> None:
        firing = after.state == State.FIRING
        alert = Alert(
            workspace=self.workspace,
            rule=rule,
            kind=rule.kind,
            rule_name=rule.name,
            severity=rule.severity,
            subject=reading.subject,
            state=after.state,
            started_at=self.now,
            fired_at=self.now if firing else None,
        )
        self._copy(alert, rule, reading)
        alert.save()
        self._note(alert, "", f"{'Fired' if firing else 'Crossed the threshold'}: {alert.headline}")
        if firing:
            self._tell_fired(alert, rule, reading)

    def _copy(self, alert: Alert, rule: Rule, reading: Reading) -> bool:
        """Write what is seen now into ``alert``; return whether that is anything new."""
        levels = rule.levels_for(reading)
        values = {
            "subject_label": plain_text(reading.label, 200),
            "subject_url": plain_text(reading.url, 300),
            "headline": plain_text(reading.headline, 300),
            "condition": plain_text(rule.condition, 300),
            "facts": _facts_of(reading),
            "value": _stored(reading.value),
            "threshold": _stored(levels.threshold),
            "recovery": _stored(levels.recovery),
        }
        changed = any(getattr(alert, name) != value for name, value in values.items())
        for name, value in values.items():
            setattr(alert, name, value)
        alert.evaluated_at = self.now
        return changed

    def _go_on(self, alert: Alert, rule: Rule, reading: Reading, after: Memory) -> None:
        before = alert.state
        changed = self._copy(alert, rule, reading)
        fired = after.state == State.FIRING and alert.fired_at is None
        if before != after.state:
            alert.state, alert.hidden_state = Alert.State(after.state), ""
            alert.fired_at = self.now if fired else alert.fired_at
            said = "Fired" if fired else "Can be read again, and still firing"
            self._note(alert, before, f"{said}: {alert.headline}")
        if changed or before != after.state:
            alert.save()
        if fired:
            self._tell_fired(alert, rule, reading)
        elif alert.state == Alert.State.FIRING:
            self._tell_again(alert, rule, reading)

    def _lose_sight(self, alert: Alert, rule: Rule, reason: str) -> None:
        after = step(alert.memory, rule.levels(), None, self.now)
        if after.state == alert.state:
            return
        before = alert.state
        alert.state, alert.hidden_state = Alert.State(after.state), after.hidden
        alert.save(update_fields=["state", "hidden_state"])
        self._note(alert, before, f"Cannot be read any more: {reason}")

    def _close(self, alert: Alert, text: str, reading: Reading | None = None) -> None:
        if alert.fired_at is None:
            alert.delete()  # it never came to anything within the pending time
            return
        before = alert.state
        alert.state, alert.hidden_state, alert.resolved_at = Alert.State.RESOLVED, "", self.now
        alert.save(update_fields=["state", "hidden_state", "resolved_at"])
        value = _stored(reading.value) if reading else None
        self._note(alert, before, f"Resolved after {span(alert.lasted)}: {text}", value)
        self.outbox.tell_resolved(alert, plain_text(text, 300), _facts_of(reading))

    def _tell_fired(self, alert: Alert, rule: Rule, reading: Reading) -> None:
        snooze = self.snoozes.get((rule.pk, alert.subject))
        if snooze is None or not self._still_holds(snooze, alert, rule, reading):
            self.outbox.tell(alert, rule, Notification.Kind.FIRING)

    def _tell_again(self, alert: Alert, rule: Rule, reading: Reading) -> None:
        snooze = self.snoozes.get((rule.pk, alert.subject))
        if snooze is None:
            if alert.reminder_due(rule.repeat_seconds, self.now):
                self.outbox.tell(alert, rule, Notification.Kind.REMINDER)
        elif not self._still_holds(snooze, alert, rule, reading):
            self.outbox.tell(alert, rule, Notification.Kind.REMINDER)

    def _still_holds(self, snooze: Snooze, alert: Alert, rule: Rule, reading: Reading) -> bool:
        """Say whether a snooze silences ``reading``; one that does not any more is over for good."""
        if snooze.holds(rule.levels_for(reading), reading.value, self.now):
            return True
        snooze.delete()
        del self.snoozes[rule.pk, alert.subject]
        self._note(alert, alert.state, "The snooze is over")
        return False

    def _note(self, alert: Alert, before: str, text: str, value: Decimal | None = None) -> None:
        value = alert.value if value is None else value
        Transition.objects.create(
            alert=alert, at=self.now, before=before, after=alert.state, value=value, text=plain_text(text, 500)
        )


def _facts_of(reading: Reading | None) -> list[list[str]]:
    """Return what is to be told beside the value; an alert is not lost because they cannot be worked out."""
    try:
        with transaction.atomic():
            facts: list[list[str]] = plain_json(reading.all_facts() if reading else [])
            return facts
    except Exception:
        logger.exception("facts_failed")
        return [["Details", "They could not be worked out; the console's log says why."]]


def _stored(value: Decimal) -> Decimal:
    """Return ``value`` as the database keeps it."""
    return max(-LARGEST, min(LARGEST, Decimal(value))).quantize(FIGURE)
