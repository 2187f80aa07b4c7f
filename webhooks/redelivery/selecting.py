"""Which results have never arrived, out of those that a person has filtered; and what keeps the others back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q
from django.http import QueryDict
from django.utils import timezone

from webhooks.filters import DeliveryFilterForm, asked_for
from webhooks.models import Delivery, DeliveryState, Item, ItemState, Redelivery, Workflow
from webhooks.models.delivery import DeliveryQuerySet
from webhooks.reasons import reason_named
from workspaces.models import Workspace
from workspaces.polling import pacer

# Upstream is asked for each one by one, so more would take days.
MOST_ITEMS = 5_000
MOST_GROUPS = 20


class Group(NamedTuple):
    """Deliveries to one endpoint that failed for one reason."""

    host: str
    reason: str
    results: int


class Candidate(NamedTuple):
    """One result and where it goes."""

    workflow_id: int
    delivery_id: int | None
    url: str


@dataclass
class Selection:
    """What a redelivery would send, and what of the filtered deliveries it would leave alone."""

    deliveries: DeliveryQuerySet
    words: str
    filters: dict[str, str]
    groups: list[Group] = field(default_factory=list)
    count: int = 0
    without_url: int = 0
    retrying: int = 0
    under_way: int = 0
    unsure: int = 0
    # A single workflow of which no delivery is known: it can go to a URL that a person gives.
    alone: Workflow | None = None

    @property
    def most(self) -> int:
        """Return how many are sent at most."""
        return min(self.count, MOST_ITEMS)

    @property
    def minutes(self) -> int:
        """Return how long it takes at the pace at which upstream may be asked, in whole minutes."""
        return -(-self.most // pacer.share())

    def candidates(self, url: str = "") -> Iterator[Candidate]:
        """Yield what is sent, the oldest first: each result to its own URL, or all to ``url``, each once."""
        if self.alone is not None:
            yield Candidate(self.alone.pk, None, url)
            return
        seen: set[tuple[int, str]] = set()
        rows = self.deliveries.order_by("last_attempt_at", "pk").values_list("workflow_id", "pk", "url")
        for workflow_id, pk, own_url in rows[:MOST_ITEMS]:
            target = url or own_url
            if target and (workflow_id, target) not in seen:
                seen.add((workflow_id, target))
                yield Candidate(workflow_id, pk, target)


def select(workspace: Workspace, query: QueryDict, now: datetime | None = None) -> Selection:
    """Return what the list's filters in ``query`` ask for; or parameter ``again``, a job whose rest is meant.

    A filter that is wrong selects nothing. A constant number of queries.
    """
    moment = now or timezone.now()
    form = DeliveryFilterForm(query, workspace)
    again = _job_of(workspace, query.get("again", ""))
    if again is not None:
        items = again.items.filter(state__in=[ItemState.FAILED, ItemState.UNKNOWN])
        rows = Delivery.objects.of(workspace).filter(pk__in=items.values("delivery"))
        selection = Selection(rows, "what an earlier redelivery did not bring", {"again": str(again.job_id)})
    elif form.is_valid():
        words = ", ".join(text for _, text in form.words()) or "everything that failed"
        selection = Selection(asked_for(form, moment), words, form.recorded)
    else:
        selection = Selection(Delivery.objects.none(), "", {})
    return _counted(workspace, selection)


def _job_of(workspace: Workspace, text: str) -> Redelivery | None:
    try:
        return Redelivery.objects.of(workspace).filter(job_id=UUID(text)).first()
    except ValueError:
        return None


def _counted(workspace: Workspace, selection: Selection) -> Selection:
    """Leave out what must not be sent, and count what is left and what is not."""
    rows = selection.deliveries
    failed = rows.filter(state=DeliveryState.FAILED)
    items = Item.objects.filter(delivery=OuterRef("pk"))
    free = failed.filter(~Exists(items.open()))
    unsure = Q(Exists(items.filter(state=ItemState.UNKNOWN)))
    counted = free.aggregate(
        count=Count("pk"), unsure=Count("pk", filter=unsure), nameless=Count("pk", filter=Q(url=""))
    )
    selection.deliveries = free
    selection.count, selection.unsure, selection.without_url = (
        counted["count"],
        counted["unsure"],
        counted["nameless"],
    )
    selection.retrying = rows.filter(state=DeliveryState.RETRYING).count()
    selection.under_way = failed.count() - selection.count
    by_host = free.order_by().values_list("host", "reason").annotate(n=Count("pk")).order_by("-n", "host")
    selection.groups = [Group(host, _label(reason), count) for host, reason, count in by_host[:MOST_GROUPS]]
    name = selection.filters.get("workflow", "")
    if not selection.count and name and not rows.exists():
        selection.alone = Workflow.objects.of(workspace).filter(workflow_id=name).exclude(completed_at=None).first()
        selection.count = selection.without_url = 1 if selection.alone else 0
    return selection


def _label(name: str) -> str:
    known = reason_named(name)
    return known.label if known else "for a reason that is not known"
