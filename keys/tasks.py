from celery import shared_task

from keys.log.ingest import retention


@shared_task(ignore_result=True)
def prune_requests() -> None:
    """Remove rows of the request log that are past their retention."""
    retention.prune()
