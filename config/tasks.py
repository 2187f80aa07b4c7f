from celery import shared_task

from config.health import outside_ping
from config.queue import beat_scheduler


@shared_task(ignore_result=True)
def ping_outside() -> None:
    """Tell the service at HEARTBEAT_URL that the console works, if it does."""
    outside_ping.ping()


# Its receiver lets the next tick be sent: beat sends no task while a worker has not begun the last one.
__all__ = ["beat_scheduler"]
