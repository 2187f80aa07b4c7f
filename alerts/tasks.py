from celery import shared_task

from alerts import retention
from alerts.engine import evaluation
from alerts.mail import outbox, summaries
from alerts.services import quiet_hours


@shared_task(ignore_result=True)
def evaluate_rules() -> None:
    """Evaluate the rules that are due, and write the summaries and digests that are due."""
    evaluation.evaluate_due()
    summaries.write_due()
    quiet_hours.release_due()


@shared_task(ignore_result=True)
def send_notifications() -> None:
    """Send what waits in the outbox."""
    outbox.send_due()


@shared_task(ignore_result=True)
def prune_alerts() -> None:
    """Remove alerts and e-mails that are past their retention."""
    retention.prune()
