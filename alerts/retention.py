"""Retention of alerts that are over, and of e-mails that were sent, by age."""

from datetime import datetime, timedelta

from django.conf import settings

from alerts.models import Alert, Notification
from core import clock
from core.db.batches import delete_in_batches


def prune(now: datetime | None = None) -> int:
    """Remove what is older than settings.KEEP_ALERTS_DAYS, and return how many rows; what is not over stays."""
    cutoff = (now or clock.now()) - timedelta(days=settings.KEEP_ALERTS_DAYS)
    over = delete_in_batches(Alert.objects.filter(state=Alert.State.RESOLVED, resolved_at__lt=cutoff))
    # E-mails of an alert are removed with it, so that no thread loses its beginning only.
    old = Notification.objects.finished().filter(created_at__lt=cutoff, alert=None)
    return over + delete_in_batches(old)
