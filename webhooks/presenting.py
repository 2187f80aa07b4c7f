"""What pages show of webhooks besides their columns: how endpoints do, what fails, and the story of a workflow."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from webhooks import following, health
from webhooks.filters import NAMELESS_WORDS, link_to
from webhooks.grouping import sentence
from webhooks.health import EndpointHealth, FailureGroup
from webhooks.models import Attempt, Delivery, DeliveryState, Workflow
from webhooks.reasons import ANSWER_MS, Reason, reason_named
from webhooks.timeline import Run, runs_of
from workspaces.models import Workspace

# As the filter of the list says it.
STRETCH = "7d"
IN_SIGHT = 4
# Of one workflow: URLs, and attempts. Upstream makes five; more come of repeats.
MOST_DELIVERIES, MOST_ATTEMPTS = 20, 200


@dataclass(frozen=True)
class EndpointRow:
    """One endpoint of the strip, and the query string of its deliveries."""

    health: EndpointHealth
    url: str

    @property
    def name(self) -> str:
        """Return what to call it."""
        return self.health.host or NAMELESS_WORDS

    @property
    def percent(self) -> float | None:
        """Return the share of attempts that were acknowledged; a little less than all is not 100."""
        rate = self.health.success_rate
        if rate is None:
            return None
        return min(round(100 * rate, 1), 99.9) if rate < 1 else 100.0

    @property
    def level(self) -> str:
        """Return how its bar is coloured."""
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
        return self.group.host or NAMELESS_WORDS


@dataclass(frozen=True)
class Figures:
    """How the endpoints of a workspace have done for seven days, failing ones first, and what fails there."""

    endpoints: list[EndpointRow]
    groups: list[GroupRow]
    lost: int  # deliveries that failed for good
    lost_url: str

    @property
    def first_endpoints(self) -> list[EndpointRow]:
        """Return those in sight."""
        return self.endpoints[:IN_SIGHT]

    @property
    def more_endpoints(self) -> list[EndpointRow]:
        """Return those folded away."""
        return self.endpoints[IN_SIGHT:]

    @property
    def first_groups(self) -> list[GroupRow]:
        """Return those in sight."""
        return self.groups[:IN_SIGHT]

    @property
    def more_groups(self) -> list[GroupRow]:
        """Return those folded away."""
        return self.groups[IN_SIGHT:]


def figures_of(workspace: Workspace) -> Figures:
    """Return the figures; four queries."""
    since = timezone.now() - timedelta(days=7)
    return Figures(
        endpoints=[
            EndpointRow(found, link_to(host=found.host, since=STRETCH)) for found in health.endpoints(workspace, since)
        ],
        groups=[
            GroupRow(group, reason_named(group.reason), link_to(host=group.host, reason=group.reason, since=STRETCH))
            for group in health.failures(workspace, since)
        ],
        lost=health.lost(workspace, since),
        lost_url=link_to(state=DeliveryState.FAILED.value, since=STRETCH),
    )


@dataclass(frozen=True)
class Story:
    """One delivery of a workflow as its page tells it."""

    delivery: Delivery
    runs: list[Run]
    sentence: str
    is_cut: bool

    @property
    def latest(self) -> Attempt | None:
        """Return the latest attempt."""
        return self.runs[0].marks[-1].attempt if self.runs else None


def workflow_context(workflow: Workflow) -> dict[str, Any]:
    """Return what the page of ``workflow`` shows; four queries, however many attempts there are."""
    deliveries = list(workflow.deliveries.newest_first()[:MOST_DELIVERIES])
    stories = _stories(deliveries)
    return {
        "workflow": workflow,
        "stories": stories,
        "trouble": next((story for story in stories if story.delivery.state != DeliveryState.DELIVERED), None),
        "is_lost": is_lost(workflow),
        "is_followed": workflow.workspace.polls.filter(
            resource__in=[following.OF_WORKFLOW, following.STATUS], subject=workflow.workflow_id
        ).exists(),
        "curl": curl_for(workflow),
        "most_seconds": ANSWER_MS // 1000,
    }


def is_lost(workflow: Workflow) -> bool:
    """Say whether Cleanlist has given up on every delivery of it; one query."""
    states = set(workflow.deliveries.order_by().values_list("state", flat=True).distinct())
    return states == {DeliveryState.FAILED}


def _stories(deliveries: Sequence[Delivery]) -> list[Story]:
    """Return the deliveries with their attempts; of very many those of the latest."""
    rows = Attempt.objects.filter(delivery__in=deliveries).order_by("-at", "-pk")[: MOST_ATTEMPTS + 1]
    found: dict[int, list[Attempt]] = {}
    for attempt in rows:
        found.setdefault(attempt.delivery_id, []).append(attempt)
    is_cut = sum(map(len, found.values())) > MOST_ATTEMPTS
    return [
        Story(delivery, runs_of(delivery, found.get(delivery.pk, ())), sentence(delivery), is_cut)
        for delivery in deliveries
    ]


def curl_for(workflow: Workflow) -> str:
    """Return the call that asks for the enrichment's state as a command; the shell fills the secret in."""
    query = urlencode({"workflow_id": workflow.workflow_id})
    address = f"{workflow.workspace.base_url.rstrip('/')}/api/v1/public/enrich/status?{query}"
    parts = ["curl --globoff", '--header "Authorization: Bearer $CLEANLIST_API_KEY"', shlex.quote(address)]
    return " \\\n  ".join(parts)
