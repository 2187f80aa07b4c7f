"""Changes of recipients and quiet hours, and test e-mails; each writes an audit event."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from alerts.models import Notification, QuietHours, Recipient, Stream
from alerts.services.notifications import new_message_id, recipients_for, send_soon
from alerts.services.rules import evaluate_soon
from core import clock
from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.mail_limits import check_mail_limit
from workspaces.models import Action, Workspace


@transaction.atomic
def change_recipient(recipient: Recipient, actor: Actor, *, summary: str, critical: bool, warnings: bool) -> None:
    """Set what a recipient gets. A recipient who gets nothing stays listed, so that this can be seen and undone."""
    now = clock.now()
    if summary != recipient.summary or (summary and recipient.summary_off_at):
        recipient.summary_at = now  # the first one comes on the next morning, not at once
    recipient.summary = summary
    recipient.critical_off_at = None if critical else recipient.critical_off_at or now
    recipient.warnings_off_at = None if warnings else recipient.warnings_off_at or now
    recipient.summary_off_at = None if summary else recipient.summary_off_at
    recipient.save()
    evaluate_soon(recipient.workspace)
    _record(Action.RECIPIENT_CHANGED, recipient, actor, summary=summary, critical=critical, warnings=warnings)


@transaction.atomic
def unsubscribe(recipient: Recipient, streams: Iterable[Stream]) -> None:
    """End some of what a recipient gets because the reader's own link asked for it."""
    if not (ended := recipient.end(streams, clock.now())):
        return
    recipient.save(update_fields=[f"{stream.value}_off_at" for stream in ended])
    evaluate_soon(recipient.workspace)
    _record(Action.RECIPIENT_UNSUBSCRIBED, recipient, CONSOLE, ended=[stream.value for stream in ended])


def _record(action: Action, recipient: Recipient, actor: Actor, **details: Any) -> None:
    subject = (str(recipient.pk), recipient.address)
    record_event(action, actor, workspace=recipient.workspace, subject=subject, **details)


@transaction.atomic
def set_quiet_hours(workspace: Workspace, actor: Actor, hours: QuietHours | None) -> None:
    """Set or remove the hours in which e-mails that are not critical wait."""
    QuietHours.objects.filter(workspace=workspace).delete()
    if hours is None:
        held = Notification.objects.filter(workspace=workspace, state=Notification.State.HELD)
        held.update(next_attempt_at=clock.now())
    else:
        hours.workspace = workspace
        hours.save()
    message = f"Quiet hours: {hours or 'none'}"
    record_event(Action.RECIPIENT_CHANGED, actor, workspace=workspace, subject=("", "Quiet hours"), message=message)


def queue_test(workspace: Workspace, actor: Actor, address: str) -> Notification:
    """Put a test e-mail into the outbox and return it; the caller may send it at once. Raises TooManyEmails."""
    message_id = new_message_id(f"test-{workspace.pk}")
    with transaction.atomic():
        check_mail_limit(Action.ALERT_TEST_SENT, actor, workspace)
        recipient = recipients_for(workspace, [address.lower()])[address.lower()]
        row = Notification.objects.create(
            key=f"test:{message_id}",
            workspace=workspace,
            recipient=recipient,
            kind=Notification.Kind.TEST,
            payload={"asked_by": actor.user.email if actor.user else ""},
            message_id=message_id,
            thread_id=message_id,
        )
        record_event(Action.ALERT_TEST_SENT, actor, workspace=workspace, subject=(str(row.pk), address))
        send_soon()
    return row
