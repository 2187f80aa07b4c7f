"""What bulk enrichments settled at, and what running ones may still hold, as far as ``enrich/status`` was asked.

Only workflows that the console follows are known here: those whose webhook has not arrived and those looked up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from usage.changes.facts import ZERO
from usage.changes.works import settled_cost, work_of
from webhooks.models import Workflow
from workspaces.models import Workspace

# An enrichment takes minutes: one that was running when last asked about, longer ago than this, hardly still is.
STILL_RUNNING = timedelta(hours=1)
MOST = 5000


@dataclass(frozen=True)
class Enrichments:
    """Settled credits of finished enrichments, and how much running ones have reserved, at most and at least."""

    finished: int = 0
    settled: Decimal = ZERO
    running: int = 0
    reserved_at_most: Decimal = ZERO
    reserved_at_least: Decimal = ZERO


def enrichments_of(workspace: Workspace, since: datetime, now: datetime) -> Enrichments:
    """Return what is known of enrichments that finished after ``since`` or are running, in one query."""
    running = Q(completed_at__isnull=True, status_gone=False, status_read_at__gte=now - STILL_RUNNING)
    known = Workflow.objects.of(workspace).filter(Q(completed_at__range=(since, now)) | running).exclude(summary={})
    rows = list(known.order_by("-pk")[:MOST])
    finished = [row for row in rows if row.completed_at]
    open_ = [work_of(row) for row in rows if not row.completed_at]
    return Enrichments(
        len(finished),
        sum((_settled(row) for row in finished), ZERO),
        len(open_),
        sum((work.most for work in open_), ZERO),
        sum((work.reserved or ZERO for work in open_), ZERO),
    )


def reserved_now(workspace: Workspace, now: datetime) -> tuple[Decimal, Decimal]:
    """Return how many credits running enrichments are known to hold, and how many they may; in one query.

    Only of enrichments whose state is read: others may hold more.
    """
    known = enrichments_of(workspace, now, now)
    return known.reserved_at_least, known.reserved_at_most


def _settled(row: Workflow) -> Decimal:
    return settled_cost(row.summary) if row.credits_charged is None else row.credits_charged
