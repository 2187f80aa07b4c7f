import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from alerts import retention, sending
from alerts.services import evaluating, quiet, summaries

logger = structlog.get_logger(__name__)


@shared_task(ignore_result=True)
def evaluate_rules() -> None:
    """Evaluate the rules of every workspace whose turn has come, and write the summaries and digests that are due."""
    evaluating.evaluate_due()
    summaries.write_due()
    quiet.release_due()


@shared_task(ignore_result=True)
def send_notifications() -> None:
    """Send what waits in the outbox."""
    sending.send_due()


@shared_task(ignore_result=True)
def prune_alerts() -> None:
    """Remove alerts and e-mails that are past their retention."""
    retention.prune()


def nudge_outbox() -> None:
    """Have the outbox looked at now. Without a broker nothing is lost: the beat looks there every few seconds."""
    try:
        send_notifications.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("broker_unreachable", error=str(error))
