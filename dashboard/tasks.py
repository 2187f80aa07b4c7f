from celery import shared_task

from dashboard import outside_ping


@shared_task(ignore_result=True)
def ping_outside() -> None:
    """Tell the service at HEARTBEAT_URL that the console works, if it does."""
    outside_ping.ping()
