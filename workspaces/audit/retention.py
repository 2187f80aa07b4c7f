"""Prunes the oldest events of the audit trail so that the rest can still be verified."""

from datetime import datetime

from django.db import models, transaction

from workspaces.audit.chain import locked_head, seal_head, verify
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, AuditEvent

# Rows per transaction. Few enough to hold the trail's lock for milliseconds only, so that other commands can go on.
BATCH = 2000


class TrailBroken(Exception):
    """The trail does not verify. Pruning it would destroy the evidence."""


def prune(before: datetime) -> int:
    """Remove the events written before ``before`` and return how many; the rest begins at a sealed anchor.

    Events are removed from the beginning only: an event stays if an earlier one stays. Raises TrailBroken, and removes
    nothing, if the trail does not verify.
    """
    broken = next(verify(), None)
    if broken is not None:
        raise TrailBroken(f"The audit trail does not hold ({broken.text}). Run verify_audit and keep a copy first.")
    total = 0
    while removed := _cut(before):
        total += removed
    if total:
        record_event(Action.AUDIT_PRUNED, CONSOLE, message=f"{total:,} events deleted", before=before.isoformat())
    return total


def _cut(before: datetime) -> int:
    """Remove up to BATCH of the oldest events and move the anchor, in one transaction."""
    with transaction.atomic():
        head = locked_head()
        oldest = list(AuditEvent.objects.order_by("pk")[:BATCH])
        kept = next((number for number, event in enumerate(oldest) if event.at >= before), len(oldest))
        if not kept:
            return 0
        # The model's own queryset refuses to delete; no foreign keys point to these rows.
        everything: models.QuerySet[AuditEvent] = models.QuerySet(AuditEvent)
        everything.filter(pk__lte=oldest[kept - 1].pk).delete()
        head.cut_count, head.cut_hash = head.cut_count + kept, oldest[kept - 1].hash
        seal_head(head)
    return kept
