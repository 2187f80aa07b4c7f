"""The settled cost of bulk enrichments, and what running ones may still hold, according to ``enrich/status``.

It covers only workflows that the console follows: those with a webhook that has not arrived and those looked up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from usage.changes.enrichments import cost_of_results, enrichment_credits
from usage.changes.types import ZERO
from webhooks.models import Workflow
from workspaces.models import Workspace

# An enrichment takes minutes: one last seen running longer ago than this is hardly still running.
STILL_RUNNING = timedelta(hours=1)
# Reservations may suppress a warning only if they were seen running this recently.
JUST_READ = timedelta(minutes=10)
MOST = 5000


@dataclass(frozen=True)
class EnrichmentSummary:
    """The settled credits of finished enrichments, and the most and least that running ones have reserved."""

    finished: int = 0
    settled: Decimal = ZERO
    running: int = 0
    reserved_at_most: Decimal = ZERO
    reserved_at_least: Decimal = ZERO


def summarize_enrichments(workspace: Workspace, since: datetime, now: datetime) -> EnrichmentSummary:
    """Return the summary of enrichments that finished after ``since`` or are running, in one query."""
    running = Q(completed_at__isnull=True, status_gone=False, status_read_at__gte=now - STILL_RUNNING)
    known = Workflow.objects.of(workspace).filter(Q(completed_at__range=(since, now)) | running).exclude(summary={})
    rows = list(known.order_by("-pk")[:MOST])
    finished = [row for row in rows if row.completed_at]
    open_ = [enrichment_credits(row) for row in rows if not row.completed_at]
    return EnrichmentSummary(
        len(finished),
        sum((_settled(row) for row in finished), ZERO),
        len(open_),
        sum((work.most for work in open_), ZERO),
        sum((work.reserved or ZERO for work in open_), ZERO),
    )


def reservations_by_workspace(
    workspaces: Collection[int] | None, now: datetime
) -> Mapping[int, Sequence[tuple[datetime, Decimal]]]:
    """Return, by workspace, when each running enrichment began at the latest, and its known reservation.

    In one query; for all workspaces if ``workspaces`` is None. Only enrichments with a recently read status are
    included: others may hold more.
    """
    running = Workflow.objects.filter(completed_at__isnull=True, status_gone=False, status_read_at__gte=now - JUST_READ)
    if workspaces is not None:
        running = running.filter(workspace__in=workspaces)
    found: dict[int, list[tuple[datetime, Decimal]]] = {}
    for row in running.order_by("-pk")[:MOST]:
        if reserved := enrichment_credits(row).reserved:
            begun = row.submitted_at or row.first_seen_at
            found.setdefault(row.workspace_id, []).append((begun, reserved))
    return found


def _settled(row: Workflow) -> Decimal:
    return cost_of_results(row.summary) if row.credits_charged is None else row.credits_charged
