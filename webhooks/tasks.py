from celery import shared_task

from webhooks import retention
from webhooks.checks import services
from webhooks.redelivery import engine


@shared_task(ignore_result=True)
def prune_deliveries() -> None:
    """Remove deliveries that are past their retention."""
    retention.prune()


@shared_task(ignore_result=True)
def check_endpoints() -> None:
    """Make the endpoint checks that wait."""
    services.run_due()


@shared_task(ignore_result=True)
def redeliver() -> None:
    """Send a stretch of each redelivery that is due."""
    engine.run_due()
