"""What pages show of webhooks besides their columns: how endpoints do, what fails, and why a list is blank."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from webhooks import health
from webhooks.filters import NAMELESS_WORDS, link_to
from webhooks.health import EndpointHealth, FailureGroup
from webhooks.models import DeliveryState
from webhooks.reasons import Reason, reason_named
from workspaces.models import Workspace

# As the filter of the list says it.
STRETCH = "7d"
IN_SIGHT = 4


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
