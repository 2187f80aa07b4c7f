from typing import Any

import structlog
from celery import Task, shared_task
from kombu.exceptions import OperationalError

from webhooks import retention
from webhooks.redelivery import engine
from webhooks.services import checking

logger = structlog.get_logger(__name__)


@shared_task(ignore_result=True)
def prune_deliveries() -> None:
    """Remove deliveries that are past their retention."""
    retention.prune()


@shared_task(ignore_result=True)
def check_endpoints() -> None:
    """Make the endpoint checks that wait."""
    checking.run_due()


@shared_task(ignore_result=True)
def redeliver() -> None:
    """Send a stretch of each redelivery that is due."""
    engine.run_due()


def nudge(task: Task[Any, Any]) -> None:
    """Have ``task`` run now. Without a broker nothing is lost: the clock starts it every few seconds."""
    try:
        task.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("broker_unreachable", error=str(error))
