"""Pings an external service (HEARTBEAT_URL) while the console works; that service alerts when the pings stop."""

from datetime import timedelta

import httpx  # noqa: TID251 - the operator chooses the URL
import structlog
from django.conf import settings

from alerts.mail import smtp
from alerts.models import Notification
from config.health import liveness
from core import clock
from workspaces.models import AccountMail, Poll

# Work overdue for longer than this is not being done, whatever the heartbeats say.
LATE = timedelta(minutes=5)
LONGEST = 10  # seconds for each step of the request
logger = structlog.get_logger(__name__)


def ping() -> bool:
    """Call HEARTBEAT_URL if polling, alerts and mail work; return whether it was called and responded with 2xx."""
    if not settings.HEARTBEAT_URL:
        return False
    if reason := skip_reason():
        logger.warning("outside_ping_left_out", reason=reason)
        return False
    try:
        # The operator chose the URL, so it may be internal; only the status of the response is read.
        with httpx.stream("POST", settings.HEARTBEAT_URL, timeout=LONGEST) as answer:
            reason = "" if answer.is_success else f"answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = type(error).__name__  # its text may contain the URL, which is a secret
    if reason:
        logger.warning("outside_ping_failed", reason=reason)
    return not reason


def skip_reason() -> str:
    """Return what does not work, or ""."""
    if not (found := liveness.check_liveness()).is_well:
        return "; ".join(one.title for one in found.troubles) or "unknown yet"
    limit = clock.now() - LATE
    if Poll.objects.due(limit).exists():
        return "polls are overdue"
    if Notification.objects.due(limit).exists() or AccountMail.objects.due(limit).exists():
        return "emails are overdue"
    return "" if smtp.is_reachable() else "the mail server isn't responding"
