from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from workspaces.polling import engine, stopping


@shared_task(ignore_result=True, expires=5)
def poll_due() -> None:
    """Fetch and land everything that is due: one tick costs one task, and not one a call."""
    engine.work()


@shared_task(ignore_result=True, expires=60)
def mend_clock() -> None:
    """Make due what a clock that was ahead has put off."""
    engine.mend_clock()


@worker_init.connect
def _begin(**_: Any) -> None:
    stopping.withdraw()


@worker_shutting_down.connect
def _end(**_: Any) -> None:
    stopping.ask()
