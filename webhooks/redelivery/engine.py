"""Runs redeliveries, one item after another, within the rate limits of Cleanlist and the receiver.

An item is marked before it is sent and completed after the response. If a worker dies in between, nobody knows whether
the item arrived: its state becomes "unknown", and no worker sends it again by itself. Nothing that a receiver
acknowledged is sent again. No network call happens inside a database transaction.
"""

import time

import structlog
from django.db.models import F, Q

from cleanlist import Client
from core import clock
from core.encryption import DecryptionError
from webhooks.models import Item, ItemState, Redelivery, RedeliveryState
from webhooks.redelivery import leases
from webhooks.redelivery.item_sender import deliver
from webhooks.redelivery.leases import JobOnHold, LeaseLost
from workspaces.audit.events import CONSOLE, record_event
from workspaces.credentials.clients import AddressNotAllowed, NotConnected, reading_client
from workspaces.models import Action, Outcome
from workspaces.polling import shutdown

logger = structlog.get_logger(__name__)
# Then another job is processed.
SLICE_SECONDS = 20.0
_OUTCOME_UNKNOWN = "The console's worker stopped while sending this, so it may or may not have arrived."


def run_due() -> int:
    """Process each due job for one time slice; return how many were processed."""
    now = clock.now()
    Item.objects.abandoned_while_sending(now).update(state=ItemState.UNKNOWN, error=_OUTCOME_UNKNOWN)
    worked = 0
    for job in Redelivery.objects.due(now).select_related("workspace__session"):
        if shutdown.requested():
            break
        if leases.acquire(job):
            process_job(job)
            worked += 1
    return worked


def process_job(job: Redelivery) -> None:
    """Send items of a leased ``job`` until its time slice is over, nothing is due, or it has to wait."""
    on_hold: JobOnHold | None = None
    try:
        with _client(job) as client:
            _send_items(job, client)
    except JobOnHold as hold:
        on_hold = hold
    except LeaseLost:
        logger.info("redelivery_left", job=str(job.job_id))
    _release(job, on_hold)
    finish_if_done(job)


def _client(job: Redelivery) -> Client:
    try:
        return reading_client(job.workspace)
    except (NotConnected, AddressNotAllowed, DecryptionError) as error:
        raise JobOnHold(str(error), None) from error


def _send_items(job: Redelivery, client: Client) -> None:
    ends = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < ends and not shutdown.requested():
        item = _next_item(job)
        if item is None:
            return
        leases.extend(job)
        deliver(job, item, client)


def _next_item(job: Redelivery) -> Item | None:
    due = Q(next_try_at=None) | Q(next_try_at__lte=clock.now())
    items = Item.objects.filter(due, redelivery=job, state=ItemState.WAITING).order_by("pk")
    return items.select_related("workflow", "delivery", "redelivery__workspace").first()


def _release(job: Redelivery, on_hold: JobOnHold | None) -> None:
    """Release the lease, and set when the job is due again; changes by people or other workers are kept."""
    running = Redelivery.objects.held(job).filter(state=RedeliveryState.RUNNING)
    if on_hold is None or on_hold.wait is not None:
        due_at = clock.now() + on_hold.wait if on_hold and on_hold.wait else _next_due(job)
        running.update(next_run_at=due_at, note=str(on_hold or ""))
    elif running.update(state=RedeliveryState.PAUSED, next_run_at=None, note=str(on_hold)):
        record_job_event(Action.REDELIVERY_PAUSED, job, str(on_hold))
    Redelivery.objects.release(job)


def _next_due(job: Redelivery) -> object:
    """Return when the next item is due; None for at once."""
    waiting = job.items.filter(state=ItemState.WAITING).order_by(F("next_try_at").asc(nulls_first=True))
    return waiting.values_list("next_try_at", flat=True).first()


def finish_if_done(job: Redelivery) -> None:
    """Finish a job that has nothing left to send, exactly once. Of a cancelled one the rest is skipped."""
    if Redelivery.objects.filter(pk=job.pk, state=RedeliveryState.CANCELLED).exists():
        skip_remaining_items(job)
        return
    if job.items.filter(state__in=[ItemState.WAITING, ItemState.SENDING]).exists():
        return
    running = Redelivery.objects.filter(pk=job.pk, state=RedeliveryState.RUNNING)
    ended_at = clock.now()
    if running.update(state=RedeliveryState.FINISHED, finished_at=ended_at, note="", next_run_at=None):
        record_job_event(Action.REDELIVERY_FINISHED, job)


def skip_remaining_items(job: Redelivery) -> None:
    """Skip what a cancelled ``job`` has not sent."""
    job.items.filter(state=ItemState.WAITING).update(state=ItemState.SKIPPED, error="The redelivery was canceled.")


def record_job_event(action: Action, job: Redelivery, message: str = "") -> None:
    """Record in the audit trail what the console did with ``job`` by itself, with its items by state."""
    counts = {state.value: job.items.filter(state=state).count() for state in ItemState}
    all_well = counts["delivered"] + counts["skipped"] == sum(counts.values())
    record_event(
        action,
        CONSOLE,
        workspace=job.workspace,
        outcome=Outcome.FAILED if action == Action.REDELIVERY_FINISHED and not all_well else Outcome.SUCCEEDED,
        subject=(str(job.job_id), "Redelivery"),
        message=message,
        **counts,
    )
