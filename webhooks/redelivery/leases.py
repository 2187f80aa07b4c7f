"""Which worker is at a redelivery, and the two ways in which it has to stop."""

from datetime import timedelta

from core import clock
from webhooks.models import Redelivery, RedeliveryState

# Longer than reading one result and sending it may take together.
LEASE_DURATION = timedelta(seconds=60)


NOT_PERMITTED = "Who answers for this may no longer send results. An owner can take it over and resume it."


class JobOnHold(Exception):
    """The job cannot go on now; the message says why. Without a time to wait it is for a person to resume it."""

    def __init__(self, why: str, wait: timedelta | None) -> None:
        super().__init__(why)
        self.wait = wait


class LeaseLost(Exception):
    """The job was paused, cancelled, or taken by another worker."""


def acquire(job: Redelivery) -> bool:
    """Lease ``job`` for this worker, or make its lease last longer; false where that is not possible any more."""
    until = clock.now() + LEASE_DURATION
    rows = Redelivery.objects.filter(pk=job.pk, state=RedeliveryState.RUNNING, leased_until=job.leased_until)
    if not rows.update(leased_until=until):
        return False
    job.leased_until = until
    return True


def extend(job: Redelivery) -> None:
    """Make sure that ``job`` still runs, is ours, and may go on. Raises LostJob, or Hold for a person to resume."""
    if not acquire(job):
        raise LeaseLost
    if not job.is_permitted:
        raise JobOnHold(NOT_PERMITTED, None)
