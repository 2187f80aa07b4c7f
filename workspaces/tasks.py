from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from workspaces.polling import engine, stopping

# A task takes batches until nothing is due, so that one tick costs one task and not one task a call.
MOST_BATCHES = 20


@shared_task(ignore_result=True, expires=5)
def poll_due() -> None:
    """Fetch and land everything that is due."""
    for _ in range(MOST_BATCHES):
        if engine.run_due() < engine.BATCH:
            return


@worker_init.connect
def _begin(**_: Any) -> None:
    stopping.withdraw()


@worker_shutting_down.connect
def _end(**_: Any) -> None:
    stopping.ask()
