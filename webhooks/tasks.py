from celery import shared_task

from webhooks import retention


@shared_task(ignore_result=True)
def prune_deliveries() -> None:
    """Remove deliveries that are past their retention."""
    retention.prune()
