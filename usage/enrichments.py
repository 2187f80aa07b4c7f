"""What bulk enrichments settled at, and what running ones may still hold, as far as ``enrich/status`` was asked.

Only workflows that the console follows are known here: those whose webhook has not arrived and those looked up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from usage.readings import ZERO
from webhooks.models import Workflow
from workspaces.models import Workspace

# What a finding costs, and the most that one contact can (``shared/reference``, "Credits").
EMAIL, PHONE = Decimal(1), Decimal(10)
# An enrichment takes minutes: one that was running when last asked about, longer ago than this, hardly still is.
STILL_RUNNING = timedelta(hours=1)
MOST = 5000


@dataclass(frozen=True)
class Enrichments:
    """Settled credits of finished enrichments, and at most how many credits running ones have reserved."""

    finished: int = 0
    settled: Decimal = ZERO
    running: int = 0
    reserved_at_most: Decimal = ZERO


def enrichments_of(workspace: Workspace, since: datetime, now: datetime) -> Enrichments:
    """Return what is known of enrichments that finished after ``since`` or are running, in one query."""
    running = Q(completed_at__isnull=True, status_gone=False, status_read_at__gte=now - STILL_RUNNING)
    known = Workflow.objects.of(workspace).filter(Q(completed_at__range=(since, now)) | running).exclude(summary={})
    finished, settled, open_, held = 0, ZERO, 0, ZERO
    for summary, completed_at in known.values_list("summary", "completed_at").order_by("-pk")[:MOST]:
        if completed_at:
            finished, settled = finished + 1, settled + settled_cost(summary)
        else:
            open_, held = open_ + 1, held + (EMAIL + PHONE) * summary.get("total", 0)
    return Enrichments(finished, settled, open_, held)


def finished_between(
    workspace: Workspace, since: datetime, until: datetime
) -> list[tuple[str, dict[str, int], datetime]]:
    """Return id, counts and end of the enrichments that finished in a stretch, the latest MOST of them; one query."""
    rows = Workflow.objects.of(workspace).filter(completed_at__range=(since, until)).exclude(summary={})
    found = rows.order_by("-pk").values_list("workflow_id", "summary", "completed_at")[:MOST]
    return [(workflow_id, summary, at) for workflow_id, summary, at in found if at is not None]


def settled_cost(summary: dict[str, int]) -> Decimal:
    """Return what an enrichment with these counts cost: each e-mail and each phone number that was found."""
    return EMAIL * summary.get("emails_found", 0) + PHONE * summary.get("phones_found", 0)
