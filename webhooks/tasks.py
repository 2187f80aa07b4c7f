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
    """Run the pending endpoint checks."""
    services.run_due()


@shared_task(ignore_result=True)
def redeliver() -> None:
    """Process each due redelivery for a time slice."""
    engine.run_due()
