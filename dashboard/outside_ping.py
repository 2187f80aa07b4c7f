"""Tells a service outside (HEARTBEAT_URL) that the console works; it raises the alarm once it hears nothing more."""

from datetime import timedelta

import structlog
from django.conf import settings

from alerts import smtp
from alerts.models import Notification
from dashboard import liveness
from webhooks import outgoing
from workspaces import clock
from workspaces.models import AccountMail, Poll

# What is due for longer is not being done, whatever the heartbeats say.
LATE = timedelta(minutes=5)
logger = structlog.get_logger(__name__)


def ping() -> bool:
    """Call HEARTBEAT_URL if polling, alerts and mail work; return whether it was called and answered 2xx."""
    if not settings.HEARTBEAT_URL:
        return False
    if reason := reason_for_silence():
        logger.warning("outside_ping_left_out", reason=reason)
        return False
    # As guarded as webhooks are: HTTPS to a public address, no redirects, bounded in time and size.
    answer = outgoing.post(settings.HEARTBEAT_URL, b"{}", {})
    if not answer.acknowledged:
        logger.warning("outside_ping_failed", reason=answer.reason, error=answer.error)
    return answer.acknowledged


def reason_for_silence() -> str:
    """Return what does not work, or nothing."""
    if not (found := liveness.look()).is_well:
        return "; ".join(one.title for one in found.troubles) or "not known yet"
    limit = clock.now() - LATE
    if Poll.objects.due(limit).exists():
        return "polls are overdue"
    if Notification.objects.due(limit).exists() or AccountMail.objects.due(limit).exists():
        return "e-mails are overdue"
    return "" if smtp.answers() else "the mail server does not answer"
