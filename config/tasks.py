from celery import shared_task

from config.health import outside_ping
from config.queue import beat_scheduler


@shared_task(ignore_result=True)
def ping_outside() -> None:
    """Ping the service at HEARTBEAT_URL if the console works."""
    outside_ping.ping()


# Imported for its signal receiver: beat sends no task until a worker has started the last one.
__all__ = ["beat_scheduler"]
