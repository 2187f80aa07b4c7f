"""Selects which of the filtered results to redeliver, and counts those that are left out.

For a finished workflow without any attempt only its sender knows whether it has a webhook, and to which URL. So these
are not treated as failed: they are selected separately, and go to a URL that a person gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q
from django.http import QueryDict

from core import clock
from webhooks.filters import DeliveryFilterForm, filtered_deliveries
from webhooks.models import Delivery, DeliveryState, Item, ItemState, Redelivery, Workflow
from webhooks.models.delivery import DeliveryQuerySet
from webhooks.models.workflow import WorkflowQuerySet
from webhooks.reasons import reason_named
from workspaces.models import Workspace
from workspaces.polling import rate_limiter

# Each result is fetched from upstream on its own, so more would take days.
MAX_ITEMS = 5_000
MAX_GROUPS = 20
# This long after the end an attempt would have been made and ingested.
ATTEMPT_GRACE_PERIOD = timedelta(minutes=10)
# The query parameter that selects the finished workflows without any attempt.
UNATTEMPTED = "unattempted"


class EndpointGroup(NamedTuple):
    """Deliveries to one endpoint that failed for one reason."""

    host: str
    reason: str
    results: int


class RedeliveryCandidate(NamedTuple):
    """One result and where it goes."""

    workflow_id: int
    delivery_id: int | None
    url: str


@dataclass
class RedeliverySelection:
    """What a redelivery would send, and which of the filtered deliveries it would leave out."""

    deliveries: DeliveryQuerySet
    words: str
    filters: dict[str, str]
    groups: list[EndpointGroup] = field(default_factory=list)
    count: int = 0
    without_url: int = 0
    retrying: int = 0
    being_redelivered: int = 0
    maybe_arrived: int = 0
    # Where set, it is these workflows, of which no attempt is known: they can go to a URL that a person gives.
    workflows: WorkflowQuerySet | None = None
    # Where they went the last time.
    url: str = ""

    @property
    def max_count(self) -> int:
        return min(self.count, MAX_ITEMS)

    @property
    def minutes(self) -> int:
        """Return how long it takes at upstream's rate limit, in whole minutes."""
        return -(-self.max_count // rate_limiter.share())

    @property
    def only_workflow(self) -> str:
        """Return the id of the workflow without any attempt, if it is a single one."""
        return str(self.workflows[0]) if self.workflows is not None and self.count == 1 else ""

    def candidates(self, url: str = "") -> Iterator[RedeliveryCandidate]:
        """Yield what is sent, the oldest first: each result to its own URL, or all to ``url``, each once."""
        if self.workflows is not None:
            for pk in self.workflows.order_by("completed_at", "pk").values_list("pk", flat=True)[:MAX_ITEMS]:
                yield RedeliveryCandidate(pk, None, url)
            return
        seen: set[tuple[int, str]] = set()
        rows = self.deliveries.order_by("last_attempt_at", "pk").values_list("workflow_id", "pk", "url")
        for workflow_id, pk, own_url in rows[:MAX_ITEMS]:
            target = url or own_url
            if target and (workflow_id, target) not in seen:
                seen.add((workflow_id, target))
                yield RedeliveryCandidate(workflow_id, pk, target)


def unattempted(workspace: Workspace, now: datetime | None = None) -> WorkflowQuerySet:
    """Return the finished workflows that no attempt was made for in time, and that were not redelivered since."""
    since = (now or clock.cached_now()) - ATTEMPT_GRACE_PERIOD
    return _unsent(workspace).not_from_deliveries().filter(completed_at__lt=since)


def select(workspace: Workspace, query: QueryDict, now: datetime | None = None) -> RedeliverySelection:
    """Return what the list's filters in ``query`` ask for.

    Parameter ``again`` asks for the rest of that job instead, ``unattempted`` for what ``unattempted`` returns. A
    filter that is wrong selects nothing. A constant number of queries.
    """
    current_time = now or clock.cached_now()
    form = DeliveryFilterForm(query, workspace)
    again = _find_job(workspace, query.get("again", ""))
    if again is not None:
        selection = _select_remaining(again)
    elif query.get(UNATTEMPTED):
        words = "Finished workflows with no delivery attempt"
        selection = RedeliverySelection(
            Delivery.objects.none(), words, {UNATTEMPTED: "1"}, workflows=unattempted(workspace, now)
        )
    elif form.is_valid():
        filters = ", ".join(text for _, text in form.words())
        words = f"Matching: {filters}" if filters else "All failed deliveries"
        selection = RedeliverySelection(filtered_deliveries(form, current_time), words, form.for_audit)
    else:
        selection = RedeliverySelection(Delivery.objects.none(), "", {})
    return _count(workspace, selection)


def _find_job(workspace: Workspace, text: str) -> Redelivery | None:
    try:
        return Redelivery.objects.of(workspace).filter(job_id=UUID(text)).first()
    except ValueError:
        return None


def _select_remaining(job: Redelivery) -> RedeliverySelection:
    """Select what ``job`` did not deliver."""
    items = job.items.filter(state__in=[ItemState.FAILED, ItemState.UNKNOWN])
    rows = Delivery.objects.of(job.workspace).filter(pk__in=items.values("delivery"))
    selection = RedeliverySelection(
        rows, "Unconfirmed results of an earlier redelivery", {"again": str(job.job_id)}, url=job.url
    )
    if items.filter(delivery=None).exists():
        ids = items.filter(delivery=None).values("workflow")
        selection.workflows = _unsent(job.workspace).filter(pk__in=ids)
    return selection


def _unsent(workspace: Workspace) -> WorkflowQuerySet:
    """Return the finished workflows without any attempt, by upstream or, as far as it arrived or may yet, by us."""
    items = Item.objects.filter(workflow=OuterRef("pk"))
    found = Workflow.objects.of(workspace).without_attempt()
    return found.filter(~Exists(items.filter(state=ItemState.DELIVERED)), ~Exists(items.open()))


def _count(workspace: Workspace, selection: RedeliverySelection) -> RedeliverySelection:
    """Leave out what must not be sent, and count what remains and what is left out."""
    if selection.workflows is not None:
        maybe_sent = Item.objects.filter(workflow=OuterRef("pk"), state=ItemState.UNKNOWN)
        selection.count = selection.without_url = selection.workflows.count()
        selection.maybe_arrived = selection.workflows.filter(Exists(maybe_sent)).count()
        return selection
    rows = selection.deliveries
    failed = rows.filter(state=DeliveryState.FAILED)
    items = Item.objects.filter(delivery=OuterRef("pk"))
    free = failed.filter(~Exists(items.open()))
    unsure = Q(Exists(items.filter(state=ItemState.UNKNOWN)))
    counted = free.aggregate(
        count=Count("pk"), maybe_arrived=Count("pk", filter=unsure), nameless=Count("pk", filter=Q(url=""))
    )
    selection.deliveries = free
    selection.count, selection.maybe_arrived, selection.without_url = (
        counted["count"],
        counted["maybe_arrived"],
        counted["nameless"],
    )
    selection.retrying = rows.filter(state=DeliveryState.RETRYING).count()
    selection.being_redelivered = failed.count() - selection.count
    by_host = free.order_by().values_list("host", "reason").annotate(n=Count("pk")).order_by("-n", "host")
    selection.groups = [EndpointGroup(host, _label(reason), count) for host, reason, count in by_host[:MAX_GROUPS]]
    name = selection.filters.get("workflow", "")
    if not selection.count and name:
        alone = _unsent(workspace).filter(workflow_id=name)
        if alone.exists():
            selection.workflows, selection.count, selection.without_url = alone, 1, 1
    return selection


def _label(name: str) -> str:
    known = reason_named(name)
    return known.label if known else "unknown reason"
