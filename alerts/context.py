"""What every page shows of current alerts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from alerts.models import Alert, Severity, Snooze
from alerts.services.reachability import UNREACHED_KIND
from core import clock
from core.formatting import counted
from workspaces.models import User, Workspace
from workspaces.request_state import state_of

MAX_SHOWN = 100
MOST_CHARS = 1000  # of the ids that an open page sends
DISMISSED = "dismissed_alerts"  # in the session: ids of alerts whose banner the reader has closed


@dataclass(frozen=True)
class FiringAlerts:
    """The firing alerts of the page's workspace, or of all workspaces that the viewer may see.

    ``snoozed`` holds rule and subject of the snoozed ones, ``dismissed`` the ids of those whose banner the reader has
    closed. The pages of alerts show them themselves: ``on_own_page``. At ``url`` an open page asks for changes in
    ``workspaces``.
    """

    alerts: list[Alert]
    snoozed: frozenset[tuple[int | None, str]] = frozenset()
    dismissed: frozenset[int] = frozenset()
    on_own_page: bool = False
    url: str = ""
    workspaces: Iterable[Workspace] = ()

    unreached_kind = UNREACHED_KIND

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

    @cached_property
    def with_banner(self) -> list[Alert]:
        """Return what a page shows above its content, the alerts that critical ones reach no one among it."""
        unreached = [] if self.on_own_page else self.unreached
        return [self.banner, *unreached] if self.banner else unreached

    @property
    def banners(self) -> "Banners":
        """Return the banners of a page that is opened now."""
        return Banners(self, self.with_banner)

    @property
    def mark(self) -> str:
        """Return what stands for all that a page shows, to find out whether that has changed."""
        seen = [self.count, self.level, self.others, [(alert.pk, alert.title) for alert in self.with_banner]]
        return str(crc32(repr(seen).encode()))


@dataclass(frozen=True)
class Banners:
    """The banners of a page.

    On one that is open already nothing moves: those ``in_flow`` stay where they are, even if their alert has ``ended``,
    and ``late`` ones lie above the page. ``words`` announce what is different.
    """

    firing: FiringAlerts
    in_flow: list[Alert]
    ended: Iterable[tuple[str, Alert]] = ()
    late: Iterable[Alert] = ()
    words: str = ""

    @classmethod
    def of_open_page(cls, firing: FiringAlerts, query: Mapping[str, str]) -> "Banners":
        """Return the banners of an open page, which says in ``query`` what it shows. One query if any has ended."""
        shown, late = _ids(query.get("shown", "")), _ids(query.get("late", ""))
        current = {alert.pk for alert in firing.with_banner}
        gone = [pk for pk in (*shown, *late) if pk not in current]
        rows = Alert.objects.filter(workspace__in=firing.workspaces).select_related("workspace")
        ended = list(rows.filter(pk__in=gone)) if gone else []
        said = _ids(query.get("over", ""))
        new = [alert for alert in firing.with_banner if alert.pk not in shown | late or alert.pk in said]
        words = [f"{alert.level.label}: {alert.title}" for alert in new]
        words += [f"{_ending(alert)}: {alert.title}" for alert in ended if alert.pk not in said]
        if not words and query.get("count") != str(firing.count):
            words = [counted(firing.count, "active alert") if firing.count else "No active alerts"]
        return cls(
            firing,
            [alert for alert in firing.with_banner if alert.pk in shown],
            [(_ending(alert), alert) for alert in ended if alert.pk in shown],
            [alert for alert in firing.with_banner if alert.pk not in shown],
            ". ".join(words),
        )

    @property
    def page_state(self) -> str:
        """Return what the page shows then, as JSON that htmx sends along when it asks for changes."""
        ended = [alert.pk for _, alert in self.ended]
        ids = {"shown": [*(alert.pk for alert in self.in_flow), *ended], "over": ended}
        ids["late"] = [alert.pk for alert in self.late]
        state = {name: ",".join(map(str, found)) for name, found in ids.items() if found}
        state |= {"count": str(self.firing.count), "mark": self.firing.mark}
        return json.dumps(state | ({"own": "1"} if self.firing.on_own_page else {}))


def _ids(text: str) -> frozenset[int]:
    parts = text[:MOST_CHARS].split(",")
    return frozenset(int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 19)


def _ending(alert: Alert) -> str:
    """Return in a word why an alert has no banner any more."""
    if alert.resolved_at:
        return "Resolved"
    return "Acknowledged" if alert.acknowledged_at else "Hidden"


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
    return {"firing": SimpleLazyObject(lambda: firing_alerts(request))}


def firing_alerts(request: HttpRequest) -> FiringAlerts:
    """Return what fires in the workspace of ``request``, or on the start page in all that the person may see."""
    user = getattr(request, "user", None)
    workspace = state_of(request).workspace
    if not isinstance(user, User) and not (user and user.is_authenticated):
        return FiringAlerts([])
    alerts = Alert.objects.current().worst_first()
    if workspace is not None and workspace.pk:
        found = list(alerts.filter(workspace=workspace)[:MAX_SHOWN])
        for alert in found:
            alert.workspace = workspace
        return _without_snoozed(request, found, [workspace], reverse("alerts:live", args=[workspace.slug]))
    everywhere = reverse("alerts:live_everywhere")
    if workspace is None and request.path in {"/", everywhere}:
        visible = Workspace.objects.visible_to(user)
        found = list(alerts.filter(workspace__in=visible).select_related("workspace")[:MAX_SHOWN])
        return _without_snoozed(request, found, visible, everywhere)
    return FiringAlerts([])


def _without_snoozed(
    request: HttpRequest, alerts: list[Alert], workspaces: Iterable[Workspace], url: str
) -> FiringAlerts:
    match = request.resolver_match
    # The URL of changes is asked by pages of any app; those of this one say so.
    is_own = match is not None and match.app_name == "alerts" and (request.path != url or "own" in request.GET)
    if not alerts:
        return FiringAlerts([], on_own_page=is_own, url=url, workspaces=workspaces)
    snoozes = Snooze.objects.in_force(clock.cached_now()).filter(rule__in={alert.rule_id for alert in alerts})
    return FiringAlerts(
        without_milder(alerts),
        frozenset(snoozes.values_list("rule_id", "subject")),
        frozenset(request.session.get(DISMISSED, ())),
        is_own,
        url,
        workspaces,
    )
