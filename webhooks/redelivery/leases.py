"""The lease of a redelivery, and the two exceptions that make its worker stop."""

from datetime import timedelta

from webhooks.models import Redelivery, RedeliveryState

# Longer than reading one result and sending it may take together.
LEASE_SECONDS = 60.0


NOT_PERMITTED = "The person responsible no longer has permission to send results. An owner can take over and resume."


class JobOnHold(Exception):
    """The job cannot go on now; the message says why. Without a wait a person has to resume it."""

    def __init__(self, why: str, wait: timedelta | None) -> None:
        super().__init__(why)
        self.wait = wait


class LeaseLost(Exception):
    """The job was paused, cancelled, or taken by another worker."""


def acquire(job: Redelivery) -> bool:
    """Acquire or extend the lease of ``job``; return False if it does not run or another worker has it."""
    running = Redelivery.objects.filter(state=RedeliveryState.RUNNING)
    return bool(running.acquire(job, seconds=LEASE_SECONDS))


def extend(job: Redelivery) -> None:
    """Extend the lease of ``job``. Raises LeaseLost, or JobOnHold if the responsible person lost the right."""
    if not acquire(job):
        raise LeaseLost
    if not job.is_permitted:
        raise JobOnHold(NOT_PERMITTED, None)
