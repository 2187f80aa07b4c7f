"""Retention of attempts and deliveries by age. Upstream may still show what is pruned: ingesting leaves it out."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from core import clock
from core.db.batches import delete_in_batches
from core.formatting import counted
from webhooks.models import (
    Attempt,
    Delivery,
    DeliveryGap,
    Endpoint,
    EndpointCheck,
    EndpointDay,
    EndpointHour,
    Redelivery,
    Workflow,
)
from workspaces.models import Poll

# Deliveries per statement, each with its few attempts, so that polling need not wait long for a lock.
BATCH = 1000


def describe_retention() -> str:
    """Return how long deliveries are kept, for pages: "13 months", or days if that is not a number of months."""
    days = settings.KEEP_DELIVERIES_DAYS
    months = round(days / 30.44)
    if months >= 2 and abs(days - months * 30.44) < 2:
        return f"{months} months"
    return counted(days, "day")


def retention_cutoff(now: datetime) -> datetime:
    return now - timedelta(days=settings.KEEP_DELIVERIES_DAYS)


def prune(now: datetime | None = None) -> int:
    """Remove deliveries whose last attempt is older than settings.KEEP_DELIVERIES_DAYS, with all that belongs to them.

    Returns how many attempts were removed. A delivery stays whole: its earlier attempts stay as long as its last.
    """
    cutoff = retention_cutoff(now or clock.now())
    # The foreign key to the workspace is no constraint, so only what a delivery has goes with it.
    old = Delivery.objects.filter(last_attempt_at__lt=cutoff)
    total = 0
    while batch := list(old.order_by().values_list("pk", flat=True)[:BATCH]):
        total += Attempt.objects.filter(delivery__in=batch).delete()[0]
        Delivery.objects.filter(pk__in=batch).delete()
    delete_in_batches(Endpoint.objects.filter(last_attempt_at__lt=cutoff))
    delete_in_batches(EndpointHour.objects.filter(hour__lt=cutoff))
    delete_in_batches(EndpointDay.objects.filter(day__lt=cutoff))
    delete_in_batches(DeliveryGap.objects.filter(before__lt=cutoff))
    delete_in_batches(EndpointCheck.objects.filter(created_at__lt=cutoff))
    delete_in_batches(Redelivery.objects.filter(finished_at__lt=cutoff))
    delete_in_batches(_orphaned_workflows(cutoff))
    return total


def _orphaned_workflows(cutoff: datetime) -> QuerySet[Workflow]:
    """Return old workflows that have no deliveries left and are not tracked."""
    followed = Poll.objects.filter(workspace=OuterRef("workspace"), subject=OuterRef("workflow_id"))
    sent = Delivery.objects.filter(workflow=OuterRef("pk"))
    return Workflow.objects.filter(~Exists(sent), ~Exists(followed), first_seen_at__lt=cutoff)
