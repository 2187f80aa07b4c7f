"""What every page shows of current alerts."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from alerts.models import Alert, Severity, Snooze
from alerts.services.reachability import UNREACHED_KIND
from core import clock
from workspaces.models import User, Workspace
from workspaces.request_state import state_of

MAX_SHOWN = 100
DISMISSED = "dismissed_alerts"  # in the session: ids of alerts whose banner the reader has closed


@dataclass(frozen=True)
class FiringAlerts:
    """The firing alerts of the page's workspace, or of all workspaces that the viewer may see.

    ``snoozed`` holds rule and subject of the snoozed ones, ``dismissed`` the ids of those whose banner the reader has
    closed. The pages of alerts show them themselves: ``on_own_page``.
    """

    alerts: list[Alert]
    snoozed: frozenset[tuple[int | None, str]] = frozenset()
    dismissed: frozenset[int] = frozenset()
    on_own_page: bool = False

    @property
    def count(self) -> int:
        return len(self.alerts)

    @property
    def unreached(self) -> list[Alert]:
        """Return the alerts which say that critical alerts reach no one; acknowledging or snoozing hides none."""
        return [alert for alert in self.alerts if alert.kind == UNREACHED_KIND]

    @property
    def worst(self) -> Alert | None:
        """Return the worst alert that is neither acknowledged nor snoozed; of several the oldest."""
        return next(iter(self._unanswered), None)

    @property
    def others(self) -> int:
        """Return how many other alerts are neither acknowledged nor snoozed."""
        return max(0, len(self._unanswered) - 1)

    @property
    def _unanswered(self) -> list[Alert]:
        return [
            alert
            for alert in self.alerts
            if alert.kind != UNREACHED_KIND
            and alert.acknowledged_at is None
            and (alert.rule_id, alert.subject) not in self.snoozed
        ]

    @property
    def level(self) -> str:
        """Return the badge's level."""
        worst = self.worst or next(iter(self.unreached), None)
        return worst.level.pill if worst else "neutral"

    @property
    def banner(self) -> Alert | None:
        """Return the critical alert that a page shows above its content: the oldest nobody has answered or closed."""
        if self.on_own_page:
            return None
        critical = (alert for alert in self._unanswered if alert.level == Severity.CRITICAL)
        return next((alert for alert in critical if alert.pk not in self.dismissed), None)

    @property
    def warned_unreached(self) -> list[Alert]:
        """Return what a page warns of because critical alerts reach no one."""
        return [] if self.on_own_page else self.unreached


def without_milder(worst_first: Iterable[Alert]) -> list[Alert]:
    """Leave out alerts that a worse one of the same kind and subject makes redundant."""
    found: dict[tuple[int, str, str], Alert] = {}
    for alert in worst_first:
        place = (alert.workspace_id, alert.kind, alert.subject)
        if place not in found or alert.severity_rank > found[place].severity_rank:
            found[place] = alert
    return list(found.values())


def current_alerts(request: HttpRequest) -> dict[str, object]:
    """Return the firing alerts, lazily: two queries where a template shows them, one if none fires."""
    return {"firing": SimpleLazyObject(lambda: _current(request))}


def _current(request: HttpRequest) -> FiringAlerts:
    user = getattr(request, "user", None)
    workspace = state_of(request).workspace
    if not isinstance(user, User) and not (user and user.is_authenticated):
        return FiringAlerts([])
    alerts = Alert.objects.current().worst_first()
    if workspace is not None and workspace.pk:
        found = list(alerts.filter(workspace=workspace)[:MAX_SHOWN])
        for alert in found:
            alert.workspace = workspace
        return _without_snoozed(request, found)
    if workspace is None and request.path == "/":
        visible = alerts.filter(workspace__in=Workspace.objects.visible_to(user)).select_related("workspace")
        return _without_snoozed(request, list(visible[:MAX_SHOWN]))
    return FiringAlerts([])


def _without_snoozed(request: HttpRequest, alerts: list[Alert]) -> FiringAlerts:
    if not alerts:
        return FiringAlerts([])
    snoozes = Snooze.objects.in_force(clock.cached_now()).filter(rule__in={alert.rule_id for alert in alerts})
    match = request.resolver_match
    return FiringAlerts(
        without_milder(alerts),
        frozenset(snoozes.values_list("rule_id", "subject")),
        frozenset(request.session.get(DISMISSED, ())),
        on_own_page=match is not None and match.app_name == "alerts",
    )
