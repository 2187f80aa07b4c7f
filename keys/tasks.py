from celery import shared_task

from keys.log.ingest import compaction, retention


@shared_task(ignore_result=True)
def prune_requests() -> None:
    """Remove rows of the request log that are past their retention, and the space that indexes of the rest waste."""
    retention.prune()
    compaction.compact()
