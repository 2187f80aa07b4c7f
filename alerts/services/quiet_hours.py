"""Releases held e-mails at the end of quiet hours, in their current version; several become one digest."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from alerts.models import Alert, Notification, Snooze, Stream
from alerts.services.notifications import new_message_id, payload_of, send_soon
from core import clock

Kind, State = Notification.Kind, Notification.State
MAX_RELEASED = 1000


@clock.cache_now()
def release_due(now: datetime | None = None) -> int:
    """Release the e-mails whose quiet hours are over; return how many are sent."""
    current_time = now or clock.now()
    due = Notification.objects.filter(state=State.HELD, next_attempt_at__lte=current_time).order_by("pk")[:MAX_RELEASED]
    readers = dict.fromkeys(due.values_list("workspace", "recipient"))
    made = sum(_release(*reader, current_time) for reader in readers)
    if made:
        send_soon()
    return made


def _release(workspace: int, recipient: int, now: datetime) -> int:
    with transaction.atomic():
        rows = Notification.objects.filter(workspace=workspace, recipient=recipient, state=State.HELD)
        held = list(
            rows.filter(next_attempt_at__lte=now)
            .select_for_update(of=("self",))
            .select_related("alert__workspace", "recipient", "workspace")
            .order_by("pk")
        )
        kept = _still_true(held, now)
        gone = [row.pk for row in held if row not in kept]
        Notification.objects.filter(pk__in=gone).update(state=State.DROPPED, answer="No longer needed.")
        if len(kept) == 1:
            _refresh(kept[0])
            kept[0].state = State.QUEUED
            kept[0].save(update_fields=["state", "payload"])
        elif kept:
            _write_digest(kept, now)
        return min(1, len(kept))


def _still_true(held: Iterable[Notification], now: datetime) -> list[Notification]:
    """Return the latest e-mail on each alert, without reminders of what somebody has handled meanwhile."""
    latest = {row.alert_id: row for row in held}
    alerts = [row.alert for row in latest.values() if row.alert]
    snoozes = Snooze.objects.in_force(now).filter(rule__in=[alert.rule_id for alert in alerts if alert.rule_id])
    snoozed = set(snoozes.values_list("rule_id", "subject"))

    def is_moot(row: Notification) -> bool:
        alert = row.alert
        if alert is None or not row.recipient.wants(row.stream) or (alert.resolved_at and row.kind != Kind.RESOLVED):
            return True
        return row.kind == Kind.REMINDER and bool(alert.acknowledged_at or (alert.rule_id, alert.subject) in snoozed)

    return [row for row in latest.values() if not is_moot(row)]


def _refresh(row: Notification) -> None:
    """Update the payload to the alert's current state."""
    if row.alert is not None and row.kind != Kind.RESOLVED:
        row.payload = {**row.payload, **payload_of(row.alert), "now": ""}


def _write_digest(rows: list[Notification], now: datetime) -> None:
    message_id = new_message_id(f"digest-{rows[0].pk}")
    alerts = [(row, row.alert) for row in rows if row.alert]
    lines = [_line(row, alert) for row, alert in sorted(alerts, key=lambda pair: pair[1].severity_rank, reverse=True)]
    firing = sum(line["is_over"] is False for line in lines)
    streams = {row.stream for row in rows}
    Notification.objects.create(
        key=f"digest:{rows[0].pk}",
        workspace=rows[0].workspace,
        recipient=rows[0].recipient,
        kind=Kind.DIGEST,
        payload={
            "headline": _headline(firing, len(lines) - firing),
            "lines": lines,
            "at": now.isoformat(),
            "stream": (Stream.CRITICAL if Stream.CRITICAL in streams else Stream.WARNINGS).value,
        },
        message_id=message_id,
        thread_id=message_id,
    )
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=State.IN_DIGEST, thread_id=message_id, answer="Sent as part of a digest."
    )


def _headline(firing: int, over: int) -> str:
    counted = ((firing, "firing"), (over, "over"))
    return ", ".join(f"{count} {word}" for count, word in counted if count) + " after quiet hours"


def _line(row: Notification, alert: Alert) -> dict[str, object]:
    payload, is_over = row.payload, row.kind == Kind.RESOLVED
    words = payload.get("ended") or payload.get("now") if is_over else alert.headline
    return {
        "severity": alert.severity,
        "label": ("No longer watched" if payload.get("ended") else "Resolved") if is_over else alert.level.label,
        "is_over": is_over,
        "rule": alert.rule_name,
        "headline": words or alert.headline,
        "path": alert.get_absolute_url(),
    }
