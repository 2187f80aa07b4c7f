"""What people do about alerts; each action writes an audit event and a line of the timeline."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from alerts.models import Alert, Snooze, Transition
from core import clock
from core.formatting import format_quantity
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action


def acknowledge(alert: Alert, actor: Actor, note: str = "") -> bool:
    """Stop the reminders of an open alert; its end is still notified. Returns False if it was acknowledged already."""
    now = clock.now()
    changes = {"acknowledged_at": now, "acknowledged_by": actor.user, "note": note}
    with transaction.atomic():
        if Alert.objects.open().filter(pk=alert.pk, acknowledged_at__isnull=True).update(**changes) != 1:
            return False
        _add_transition(alert, actor, "Acknowledged" + (f": {note}" if note else ""))
        record_event(Action.ALERT_ACKNOWLEDGED, actor, workspace=alert.workspace, subject=_subject(alert), message=note)
    return True


def acknowledge_all(alerts: Iterable[Alert], actor: Actor) -> list[Alert]:
    """Acknowledge several alerts, all or none; return those that were not acknowledged before."""
    with transaction.atomic():
        return [alert for alert in alerts if acknowledge(alert, actor)]


def withdraw_acknowledgment(alert: Alert, actor: Actor) -> bool:
    """Let the reminders of an open alert go on. Returns False if it was not acknowledged."""
    changes = {"acknowledged_at": None, "acknowledged_by": None, "note": ""}
    with transaction.atomic():
        if Alert.objects.open().filter(pk=alert.pk, acknowledged_at__isnull=False).update(**changes) != 1:
            return False
        _add_transition(alert, actor, "Acknowledgment withdrawn")
        subject, message = _subject(alert), "Acknowledgment withdrawn"
        record_event(Action.ALERT_ACKNOWLEDGED, actor, workspace=alert.workspace, subject=subject, message=message)
    return True


def snooze(alert: Alert, actor: Actor, *, until: datetime | None, level: Decimal | None) -> None:
    """Send no e-mail about this rule and subject until a date, or until the value is past ``level``."""
    words, chosen = " or ".join(_snooze_words(alert, until, level)), {"until": until, "level": level}
    with transaction.atomic():
        Snooze.objects.update_or_create(
            rule=alert.rule, subject=alert.subject, defaults={**chosen, "by": actor.user, "at": clock.now()}
        )
        _add_transition(alert, actor, f"Snoozed until {words}")
        record_event(
            Action.ALERT_SNOOZED,
            actor,
            workspace=alert.workspace,
            subject=_subject(alert),
            until=until.isoformat() if until else None,
            level=None if level is None else str(level),
        )


def wake(alert: Alert, actor: Actor) -> None:
    """End the snooze of this alert's rule and subject."""
    with transaction.atomic():
        ended, _ = Snooze.objects.filter(rule=alert.rule_id, subject=alert.subject).delete()
        if ended:
            _add_transition(alert, actor, "Snooze ended")
            record_event(Action.ALERT_WOKEN, actor, workspace=alert.workspace, subject=_subject(alert))


def _snooze_words(alert: Alert, until: datetime | None, level: Decimal | None) -> list[str]:
    words = []
    if until is not None:
        words.append(f"{timezone.localtime(until):%d %b %Y, %H:%M %Z}")
    if level is not None:
        kind = alert.rule.kind_of if alert.rule else None
        words.append(f"{kind.direction if kind else 'past'} {format_quantity(level, kind.unit if kind else '')}")
    return words


def _subject(alert: Alert) -> tuple[str, str]:
    return str(alert.pk), str(alert)


def _add_transition(alert: Alert, actor: Actor, text: str) -> None:
    Transition.objects.create(alert=alert, text=text[:500], by=actor.user, value=None)
