"""Empties the outbox: leases a row, records the attempt, sends, records the outcome.

A worker that dies between the server's answer and our record of it leaves the row to be tried again, with the same
Message-ID. Each row goes to one recipient in a session of its own, so that a broken address silences nobody else.
"""

import time
from datetime import datetime, timedelta

import structlog

from alerts.mail import smtp
from alerts.mail.messages import compose
from alerts.mail.smtp import SendResult, classify_error
from alerts.models import Attempt, Notification, Recipient, SendingTurn
from alerts.models.notification import NotificationQuerySet
from core import clock
from core.db import leases
from core.sanitize import sanitize_text

# Waits after the first, second … failed attempt; the last one repeats until the notification is too old.
RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600))
GIVE_UP_AFTER = timedelta(days=3)
BATCH = 200
logger = structlog.get_logger(__name__)

State, Outcome = Notification.State, Attempt.Outcome


def send_due() -> int:
    """Send what is due; return how many attempts were made. Only the worker with the sending lease does anything."""
    turn, _ = SendingTurn.objects.get_or_create(pk=SendingTurn.ONLY)
    if not SendingTurn.objects.free(clock.now()).acquire(turn):
        return 0
    made = 0
    try:
        with leases.extend_periodically(turn) as extend:
            # Sending one e-mail makes the next of its thread due, so each is queried anew.
            while made < BATCH and (pk := _due().values_list("pk", flat=True).first()) is not None:
                result = send(pk)
                made += 1
                if not extend() or (result and result.server_down):
                    break
    finally:
        SendingTurn.objects.release(turn)
    return made


def _due() -> NotificationQuerySet:
    return Notification.objects.due(clock.now())


def send(pk: int) -> SendResult | None:
    """Try to send one notification; return None if it is not due or another worker has it."""
    notification = Notification.objects.select_related("workspace", "recipient", "alert").filter(pk=pk).first()
    if notification is None or not _acquire(notification):
        return None
    attempt = Attempt.objects.create(notification=notification)
    began = time.monotonic()
    with leases.extend_periodically(notification):
        result = _attempt(notification)
    attempt.duration_ms = round((time.monotonic() - began) * 1000)
    attempt.outcome, attempt.answer = result.outcome, sanitize_text(result.answer, 2000)
    attempt.save(update_fields=["duration_ms", "outcome", "answer"])
    _store_result(notification, result, clock.now())
    return result


def _acquire(notification: Notification) -> bool:
    tries = notification.attempt_count + 1
    due = _due().order_by().filter(attempt_count=notification.attempt_count)
    return bool(due.acquire(notification, state=State.SENDING, attempt_count=tries))


def _attempt(notification: Notification) -> SendResult:
    if kept_back := _why_withheld(notification):
        return SendResult(Outcome.REFUSED, f"Not sent: {kept_back}.")
    try:
        return SendResult(Outcome.ACCEPTED, smtp.transmit(compose(notification)))
    except OSError as error:
        return classify_error(error)
    except Exception:  # a message that cannot be composed must not keep the others from going out
        logger.exception("notification_failed", notification=notification.pk)
        return SendResult(Outcome.DEFERRED, "The console could not compose this email. Its log has the reason.")


def _why_withheld(notification: Notification) -> str:
    """Return why it must not be sent any more, or an empty string."""
    if notification.kind != Notification.Kind.TEST and not notification.recipient.wants(notification.stream):
        return f"the recipient unsubscribed from these emails ({notification.stream.label.lower()})"
    return "the recipient has lost access to the workspace" if notification.is_after_leaving else ""


def _store_result(notification: Notification, result: SendResult, now: datetime) -> None:
    """Store the outcome of the attempt, if the row's lease is still ours."""
    changes: dict[str, object] = {"answer": sanitize_text(result.answer, 2000)}
    if result.outcome == Outcome.ACCEPTED:
        changes |= {"state": State.SENT, "sent_at": now}
    elif result.outcome == Outcome.REFUSED:
        changes |= {"state": State.UNDELIVERABLE}
    elif now - notification.created_at > GIVE_UP_AFTER:
        changes |= {"state": State.FAILED}
    else:
        changes |= {"state": State.QUEUED, "next_attempt_at": now + _wait(notification.attempt_count)}
    Notification.objects.release(notification, **changes)
    _record_refusal(notification, result, now)


def _wait(attempts: int) -> timedelta:
    return RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]


def _record_refusal(notification: Notification, result: SendResult, now: datetime) -> None:
    """Mark a recipient as refused by its mail server, until that accepts an e-mail again."""
    if _why_withheld(notification):
        return
    recipient = Recipient.objects.filter(pk=notification.recipient_id)
    if result.outcome == Outcome.REFUSED:
        recipient.update(refused_at=now, refusal=sanitize_text(result.answer, 2000))
    elif result.outcome == Outcome.ACCEPTED and notification.recipient.refused_at:
        recipient.update(refused_at=None, refusal="")
