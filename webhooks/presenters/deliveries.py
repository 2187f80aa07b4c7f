"""Builds what templates show of webhooks: health of endpoints, groups of failures, and the page of a workflow."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from django.db.models import Exists, OuterRef

from core import clock
from core.net.curl import curl_command
from core.pagination import neighbors
from webhooks import health, tracked_workflows
from webhooks.filters import NO_HOST_LABEL, DeliveryFilterForm, filtered_deliveries, link_to
from webhooks.health import EndpointHealth, FailureGroup
from webhooks.ingest import lead_lists
from webhooks.ingest.delivery_status import explain_failure
from webhooks.models import Attempt, Delivery, DeliveryState, Item, ItemState, Workflow
from webhooks.models.workflow import AGENT
from webhooks.presenters.timeline import DeliveryRun, runs_of
from webhooks.reasons import RESPONSE_TIMEOUT_MS, Reason, reason_named
from workspaces.models import Workspace

# As in the filter of the list.
PERIOD = "7d"
VISIBLE_ROWS = 4
# Of one workflow: URLs, and attempts. Upstream makes five; more come of repeats.
MAX_DELIVERIES, MAX_ATTEMPTS_SHOWN = 20, 200
# Of what the console sent itself.
MAX_REDELIVERED = 10
# How states of results that the console sends are colored.
LEVELS = {
    ItemState.WAITING: "neutral",
    ItemState.SENDING: "info",
    ItemState.DELIVERED: "ok",
    ItemState.FAILED: "danger",
    ItemState.SKIPPED: "neutral",
    ItemState.UNKNOWN: "warning",
}


@dataclass(frozen=True)
class EndpointRow:
    """One endpoint of the strip, and the query string of its deliveries."""

    health: EndpointHealth
    url: str

    @property
    def name(self) -> str:
        """Return what to call it."""
        return self.health.host or NO_HOST_LABEL

    @property
    def percent(self) -> float | None:
        """Return the share of attempts that were acknowledged; a little less than all is not 100."""
        rate = self.health.success_rate
        if rate is None:
            return None
        return min(round(100 * rate, 1), 99.9) if rate < 1 else 100.0

    @property
    def level(self) -> str:
        """Return how its bar is colored."""
        if self.health.is_failing:
            return "danger"
        return "warning" if self.percent is not None and self.percent < 90 else ""


@dataclass(frozen=True)
class GroupRow:
    """Deliveries that fail alike, and the query string that shows them."""

    group: FailureGroup
    reason: Reason | None
    url: str

    @property
    def name(self) -> str:
        """Return what to call the endpoint."""
        return self.group.host or NO_HOST_LABEL


@dataclass(frozen=True)
class EndpointFigures:
    """Health of a workspace's endpoints in the last seven days, failing ones first, and their groups of failures.

    ``endpoints`` is None until they have been read; only their ``number`` is known then.
    """

    endpoints: list[EndpointRow] | None
    number: int
    groups: list[GroupRow]
    lost: int  # deliveries that failed for good
    lost_url: str

    @property
    def lost_words(self) -> str:
        """Return how many failed, and to which endpoint; of several, the one with most of them."""
        count, hosts = f"{self.lost:,} failed", self._failed_hosts
        if not hosts:
            return count
        more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
        return f"{count}: {hosts[0] or NO_HOST_LABEL}{more}"

    @property
    def lost_hosts_url(self) -> str:
        """Return the query string of what failed, to the endpoint where it is a single one."""
        hosts = self._failed_hosts
        return self.lost_url + (f"&{link_to(host=hosts[0]).removeprefix('?')}" if len(hosts) == 1 else "")

    @property
    def _failed_hosts(self) -> list[str]:
        counts: Counter[str] = Counter()
        for row in self.groups:
            counts[row.group.host] += row.group.failed
        return [host for host, count in counts.most_common() if count]

    @property
    def first_endpoints(self) -> list[EndpointRow | None]:
        """Return the visible endpoints; None for each that was not read yet."""
        return (
            [*self.endpoints[:VISIBLE_ROWS]] if self.endpoints is not None else [None] * min(self.number, VISIBLE_ROWS)
        )

    @property
    def more_endpoints(self) -> list[EndpointRow]:
        """Return those folded away."""
        return (self.endpoints or [])[VISIBLE_ROWS:]

    @property
    def hidden_endpoint_count(self) -> int:
        """Return how many are folded away."""
        return max(0, self.number - VISIBLE_ROWS)

    @property
    def first_groups(self) -> list[GroupRow]:
        """Return those in sight."""
        return self.groups[:VISIBLE_ROWS]

    @property
    def more_groups(self) -> list[GroupRow]:
        """Return those folded away."""
        return self.groups[VISIBLE_ROWS:]


def figures_of(workspace: Workspace) -> EndpointFigures:
    """Return all figures, in four queries."""
    since = clock.cached_now() - health.PERIOD
    found = health.endpoints(workspace, since)
    endpoints = [EndpointRow(one, link_to(host=one.host, since=PERIOD)) for one in found]
    return _figures(workspace, since, endpoints, len(endpoints))


def first_figures_of(workspace: Workspace, endpoints: Iterable[tuple[str, datetime]]) -> EndpointFigures:
    """Return what is known without reading the endpoints: failures, and the number of ``endpoints``; one query."""
    since = clock.cached_now() - health.PERIOD
    number = sum(last_attempt_at >= since for _, last_attempt_at in endpoints)
    return _figures(workspace, since, None, min(number, health.MAX_ENDPOINTS))


def _figures(
    workspace: Workspace, since: datetime, endpoints: list[EndpointRow] | None, number: int
) -> EndpointFigures:
    groups = health.failures(workspace, since)
    return EndpointFigures(
        endpoints=endpoints,
        number=number,
        groups=[
            GroupRow(group, reason_named(group.reason), link_to(host=group.host, reason=group.reason, since=PERIOD))
            for group in groups
        ],
        lost=groups[0].failed_in_all if groups else 0,
        lost_url=link_to(state=DeliveryState.FAILED.value, since=PERIOD),
    )


@dataclass(frozen=True)
class OpenDelivery:
    """One delivery of the list in full, and the URLs of its neighbors among what matches."""

    delivery: Delivery
    newer_url: str
    older_url: str

    @property
    def row_id(self) -> str:
        """Return the id of its link in the table."""
        return f"open-{self.delivery.pk}"


def open_delivery(form: DeliveryFilterForm, opening_url: str) -> OpenDelivery | None:
    """Return the delivery that ``row`` in the query string names, whether the filters match it or not."""
    text = form.query.get("row", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    delivery = Delivery.objects.of(form.workspace).select_related("workflow").filter(pk=int(text)).first()
    if delivery is None:
        return None
    found = neighbors(filtered_deliveries(form, clock.cached_now()), delivery.cursor)
    newer, older = (f"{opening_url}{row.pk}" if row else "" for row in found)
    return OpenDelivery(delivery, newer, older)


@dataclass(frozen=True)
class DeliveryStory:
    """One delivery on the page of its workflow."""

    delivery: Delivery
    runs: list[DeliveryRun]
    sentence: str
    is_cut: bool

    @property
    def latest(self) -> Attempt | None:
        """Return the latest attempt."""
        return self.runs[0].bars[-1].attempt if self.runs else None


@dataclass(frozen=True)
class WorkflowLookup:
    """A workflow, with facts from the same query."""

    workflow: Workflow
    is_followed: bool
    was_sent: bool  # by the console itself, or is to be


def find_workflow(workspace: Workspace, workflow_id: str) -> WorkflowLookup | None:
    """Return the workflow of that id, or None. One query."""
    polls = workspace.polls.filter(resource__in=tracked_workflows.SINGLE_WORKFLOW, subject=OuterRef("workflow_id"))
    items = Item.objects.filter(workflow=OuterRef("pk"))
    rows = Workflow.objects.of(workspace).annotate(is_followed=Exists(polls), was_sent=Exists(items))
    workflow = rows.filter(workflow_id=workflow_id).first()
    if workflow is None:
        return None
    workflow.workspace = workspace
    facts = workflow.__dict__  # the annotations, which the model does not declare
    return WorkflowLookup(workflow, facts["is_followed"], facts["was_sent"])


def _redelivered_items(found: WorkflowLookup) -> list[Item]:
    """Return the redelivered items of the workflow, the latest first."""
    if not found.was_sent:
        return []
    rows = Item.objects.filter(workflow=found.workflow).select_related("redelivery").order_by("-pk")
    items = list(rows[:MAX_REDELIVERED])
    for item in items:
        item.redelivery.workspace = found.workflow.workspace
    return items


def workflow_context(found: WorkflowLookup) -> dict[str, object]:
    """Return what the page of a workflow shows; four queries at most, however many attempts there are."""
    workflow = found.workflow
    stories = _stories(workflow)
    deliveries = [story.delivery for story in stories]
    sent = _redelivered_items(found)
    is_under_way = any(item.is_open for item in sent)
    return {
        "workflow": workflow,
        "sent": [(item, LEVELS[ItemState(item.state)], reason_named(item.reason)) for item in sent],
        "is_under_way": is_under_way,
        "stories": stories,
        "trouble": next((story for story in stories if story.delivery.state != DeliveryState.DELIVERED), None),
        "is_lost": _is_lost(deliveries) if len(deliveries) < MAX_DELIVERIES else is_lost(workflow),
        "can_be_sent": not (is_under_way or deliveries or workflow.completed_at is None),
        "is_followed": is_under_way or found.is_followed,
        "curl": curl_for(workflow),
        "landed": lead_lists.stored_name(workflow),
        "most_seconds": RESPONSE_TIMEOUT_MS // 1000,
    }


def is_lost(workflow: Workflow) -> bool:
    """Return whether Cleanlist has given up on every delivery of it; one query."""
    states = set(workflow.deliveries.order_by().values_list("state", flat=True).distinct())
    return states == {DeliveryState.FAILED}


def _is_lost(deliveries: Sequence[Delivery]) -> bool:
    return {delivery.state for delivery in deliveries} == {DeliveryState.FAILED}


def _stories(workflow: Workflow) -> list[DeliveryStory]:
    """Return the deliveries with their attempts; of very many attempts the latest."""
    rows = Attempt.objects.filter(delivery__workflow=workflow).select_related("delivery").order_by("-at", "-pk")
    attempts = list(rows[: MAX_ATTEMPTS_SHOWN + 1])
    is_cut = len(attempts) > MAX_ATTEMPTS_SHOWN
    found: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.delivery_id, []).append(attempt)
    known = {attempt.delivery_id: attempt.delivery for attempt in attempts}
    deliveries = list(workflow.deliveries.newest_first()[:MAX_DELIVERIES]) if is_cut else list(known.values())
    deliveries.sort(key=lambda delivery: (delivery.last_attempt_at, delivery.pk), reverse=True)
    return [
        DeliveryStory(delivery, runs_of(delivery, found.get(delivery.pk, ())), explain_failure(delivery), is_cut)
        for delivery in deliveries[:MAX_DELIVERIES]
    ]


def curl_for(workflow: Workflow) -> str:
    """Return the call that asks for the state as a command."""
    surface = f"{workflow.workspace.base_url.rstrip('/')}/api/v1/public"
    if workflow.kind is AGENT:
        return curl_command(f"{surface}/smart-agents/{quote(workflow.workflow_id, safe='')}")
    if tracked_workflows.status_resource(workflow.workflow_id) == tracked_workflows.STATUS:
        return curl_command(f"{surface}/enrich/status?{urlencode({'workflow_id': workflow.workflow_id})}")
    return curl_command(f"{surface}/enrichment/status/{quote(workflow.workflow_id, safe='')}")
