"""Summaries of workspaces, from the mirror in a fixed number of queries, and which of them the start page shows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any, Literal

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Lower, RowNumber
from django.utils.timesince import timesince

from alerts.models import Alert
from core import clock
from core.formatting import counted
from keys.models import ApiKey, LoggedRequest
from keys.models.key import MOST_ACTIVE_KEYS, status_conditions
from usage.budgets.status import BudgetStatus, budget_statuses
from usage.forecast.runway import Runway, stored_runway
from usage.models import BalanceReading
from webhooks import health, tracked_workflows
from webhooks.filters import NO_HOST_LABEL, link_to
from webhooks.health import FAILING_IN_A_ROW, FailureSummary
from workspaces.credentials.states import api_key_state, session_state
from workspaces.error_messages import explain_kind
from workspaces.models import Poll, Workspace
from workspaces.models.workspace import WorkspaceQuerySet
from workspaces.polling.registry import KEYS, LIGHT_KEYS, resource_named

AttentionLevel = Literal["danger", "warning"]
SETTINGS, KEY_LIST, WEBHOOKS, POLLING = "workspaces:settings", "keys:list", "webhooks:list", "workspaces:polling"
USAGE = "usage:overview"
MOST_ENDPOINTS = 3


@dataclass(frozen=True)
class AttentionItem:
    """One thing to look at: how bad, what, and the page (of the workspace) that deals with it."""

    level: AttentionLevel
    text: str
    url_name: str
    action: str
    query: str = ""

    @property
    def rank(self) -> int:
        """Return 0 for the worst."""
        return 0 if self.level == "danger" else 1


def attention_items(
    workspace: Workspace,
    keys: Mapping[str, int],
    late: Sequence[Poll],
    endpoints: Sequence[str],
    budget: BudgetStatus | None = None,
) -> list[AttentionItem]:
    """Return what needs attention, worst first.

    ``keys`` counts them by status, ``late`` are stale polls, ``endpoints`` the hosts at which webhooks fail.
    """
    ours = [*_pause(workspace), *_credentials(workspace)]
    found = [*ours, *_keys(keys), *_budget(budget), *_webhooks(endpoints), *_mirror(late)]
    return sorted(found, key=lambda item: item.rank)


def _pause(workspace: Workspace) -> list[AttentionItem]:
    """Return an item if polling is paused."""
    if not workspace.paused_at:
        return []
    text = f"{workspace.pause} New data doesn't appear, and alerts that need it stay quiet."
    return [AttentionItem("warning", text, POLLING, "Details")]


def _credentials(workspace: Workspace) -> list[AttentionItem]:
    if workspace.api_key is None and workspace.management_session is None:
        text = "No credential is stored, so nothing can be synced."
        return [AttentionItem("warning", text, SETTINGS, "Connect")]
    states = (("API key", api_key_state(workspace)), ("Management session", session_state(workspace)))
    return [
        AttentionItem("danger" if state.level == "danger" else "warning", f"{name}: {state.sentence}", SETTINGS, "Fix")
        for name, state in states
        if state.needs_attention
    ]


def _keys(keys: Mapping[str, int]) -> list[AttentionItem]:
    found = []
    if unseen := keys.get("unseen", 0):
        what = counted(unseen, "key was", "keys were")
        text = f"{what} created but the secret was never shown. Revoke what you don't need."
        found.append(AttentionItem("danger", text, KEY_LIST, "View keys"))
    if expiring := keys.get("expiring", 0):
        what = counted(expiring, "active key expires", "active keys expire")
        found.append(AttentionItem("warning", f"{what} within 7 days.", KEY_LIST, "View keys", "?status=expiring"))
    return found


def _budget(budget: BudgetStatus | None) -> list[AttentionItem]:
    if budget is None or not budget.alarm:
        return []
    return [AttentionItem("warning", budget.alarm, USAGE, "View budget", "#budget")]


def _webhooks(endpoints: Sequence[str]) -> list[AttentionItem]:
    """Return one item for each endpoint that fails; of many the first, with how many more there are."""
    found = [
        AttentionItem(
            "danger",
            f"Webhooks to {host or NO_HOST_LABEL} are failing: the last {FAILING_IN_A_ROW} or more were not delivered.",
            WEBHOOKS,
            "View deliveries",
            link_to(host=host, state="failed"),
        )
        for host in endpoints[:MOST_ENDPOINTS]
    ]
    if more := len(endpoints) - len(found):
        text = f"Webhooks to {counted(more, 'more endpoint')} are failing too."
        found.append(AttentionItem("danger", text, WEBHOOKS, "View deliveries", link_to(state="failed")))
    return found


def _mirror(late: Sequence[Poll]) -> list[AttentionItem]:
    """Return one item for each kind of thing that is out of date, with the reason of its first failure."""
    found = []
    for resource, polls in groupby(late, key=lambda poll: poll.resource):
        some = list(polls)
        first = next((poll for poll in some if poll.consecutive_failures), some[0])
        more = f" (and {len(some) - 1} more)" if len(some) > 1 else ""
        text = f"Out of date: {resource_named(resource).label}{more}. {_why(first)}".strip()
        found.append(AttentionItem("warning", text, POLLING, "Details"))
    return found


def _why(poll: Poll) -> str:
    if poll.last_success_at and not poll.consecutive_failures:
        return f"Last synced {timesince(poll.last_success_at, depth=1)} ago; the next sync is late."
    why = explain_kind(poll.last_error_kind, poll.last_error, poll.last_request_id)
    return f"{why.title}. {why.text}"


RECENT = timedelta(hours=1)
NOTHING_FAILS = FailureSummary((), 0)
PAGE_SIZE = 24


@dataclass
class WorkspaceSummary:
    """One workspace at a glance. ``None`` means that it was never read."""

    workspace: Workspace
    credits: Decimal | None = None
    credits_read_at: datetime | None = None
    keys: dict[str, int] | None = None
    log_is_read: bool = False
    requests: int = 0
    errors: int = 0
    webhooks: FailureSummary = NOTHING_FAILS
    webhooks_are_read: bool = False
    awaits_first_reading: bool = False
    attention: list[AttentionItem] = field(default_factory=list)

    most_keys = MOST_ACTIVE_KEYS

    @property
    def active_keys(self) -> int | None:
        """Return how many keys upstream accepts."""
        return self.keys["active"] if self.keys else None

    @cached_property
    def runway(self) -> Runway | None:
        """Return when the credits run out; worked out only for those that a page shows."""
        return None if self.credits is None else stored_runway(self.workspace, self.credits, clock.cached_now())

    @property
    def error_percent(self) -> float | None:
        """Return the share of the last hour's requests that were answered with 4xx or 5xx."""
        return 100 * self.errors / self.requests if self.requests else None

    @property
    def urgency(self) -> tuple[int, int, str]:
        """Order by what needs attention: worst first, then most, then by name."""
        worst = min((item.rank for item in self.attention), default=9)
        return worst, -len(self.attention), self.workspace.name.lower()


def summarize_workspaces(workspaces: WorkspaceQuerySet) -> list[WorkspaceSummary]:
    """Return a summary of each workspace, those that need attention first.

    Six queries for any number of them, and seven more where any has a budget.
    """
    latest = BalanceReading.objects.filter(workspace=OuterRef("pk")).order_by("-read_at")
    rows = list(
        workspaces.select_related("session", "burn_pattern", "budget").annotate(
            credits=Subquery(latest.values("credits")[:1]), credits_read_at=Subquery(latest.values("read_at")[:1])
        )
    )
    now = clock.cached_now()
    keys, requests, polls = _key_counts(rows, now), _request_counts(rows, now), _polls(rows)
    webhooks = health.failure_summaries(rows, now)
    budgets = budget_statuses((row for row in rows if hasattr(row, "budget")), now)
    found = [
        _summary(
            row,
            keys.get(row.pk),
            requests.get(row.pk),
            polls[row.pk],
            webhooks.get(row.pk, NOTHING_FAILS),
            budgets.get(row.pk),
        )
        for row in rows
    ]
    return sorted(found, key=lambda summary: summary.urgency)


def _summary(  # noqa: PLR0917 - one workspace's part of each
    row: Any,
    keys: dict[str, int] | None,
    requests: dict[str, int] | None,
    polls: Sequence[Poll],
    webhooks: FailureSummary,
    budget: BudgetStatus | None,
) -> WorkspaceSummary:
    read = {poll.resource for poll in polls if poll.last_success_at}
    if keys is None and read & {KEYS, LIGHT_KEYS}:
        keys = {"active": 0}
    late = [poll for poll in polls if not poll.paused_reason and poll.is_stale]
    return WorkspaceSummary(
        workspace=row,
        credits=row.credits,
        credits_read_at=row.credits_read_at,
        keys=keys,
        attention=attention_items(row, keys or {}, late, webhooks.hosts, budget),
        webhooks=webhooks,
        webhooks_are_read=bool(read & {tracked_workflows.DELIVERIES, tracked_workflows.WORKFLOW_DELIVERIES}),
        # Request logs are read for the keys of the full list; the light one comes without.
        log_is_read=KEYS in read,
        awaits_first_reading=any(_awaits_first_reading(poll) for poll in polls),
        **requests or {},
    )


def _awaits_first_reading(poll: Poll) -> bool:
    return not (poll.last_success_at or poll.consecutive_failures or poll.paused_reason)


def _key_counts(workspaces: Iterable[Workspace], now: datetime) -> dict[int, dict[str, int]]:
    status = status_conditions(now)
    unseen = status["active"] & Q(secret_state=ApiKey.SecretState.UNSEEN)
    counted = (
        ApiKey.objects.filter(workspace__in=workspaces)
        .values(of=F("workspace_id"))
        .annotate(
            active=Count("pk", filter=status["active"]),
            expiring=Count("pk", filter=status["expiring"]),
            unseen=Count("pk", filter=unseen),
        )
    )
    return {row["of"]: _counts(row) for row in counted}


def _request_counts(workspaces: Iterable[Workspace], now: datetime) -> dict[int, dict[str, int]]:
    counted = (
        LoggedRequest.objects.by_customer()
        .filter(key__workspace__in=workspaces, created_at__gte=now - RECENT)
        .values(of=F("key__workspace_id"))
        .annotate(requests=Count("pk"), errors=Count("pk", filter=Q(status_code__gte=400)))
    )
    return {row["of"]: _counts(row) for row in counted}


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, count in row.items() if name != "of"}


def _polls(workspaces: Iterable[Workspace]) -> dict[int, list[Poll]]:
    """Return the polls by workspace; of those that come one a key, which may be many, only the failing ones."""
    found: dict[int, list[Poll]] = defaultdict(list)
    rows = Poll.objects.filter(Q(subject="") | Q(consecutive_failures__gt=0), workspace__in=workspaces)
    for poll in rows.order_by("resource", "pk"):
        found[poll.workspace_id].append(poll)
    return found


@dataclass
class WorkspacePage:
    """A page of workspaces and the first of the next page.

    ``after`` is the slug of the workspace that the page begins after, ``more`` that of its last if others follow.
    """

    workspaces: WorkspaceQuerySet
    searched: str
    after: str
    more: str = field(default="", init=False)

    @property
    def are_many(self) -> bool:
        """Return whether there is more to see than this page."""
        return bool(self.searched or self.after or self.more)

    def page(self, summaries: list[WorkspaceSummary]) -> list[WorkspaceSummary]:
        """Return ``summaries`` of ``workspaces`` without that of the next page; record whether there is one."""
        if len(summaries) <= PAGE_SIZE:
            return summaries
        in_order = sorted(summaries, key=lambda one: vars(one.workspace)["place"])
        self.more = in_order[PAGE_SIZE - 1].workspace.slug
        return [one for one in summaries if one is not in_order[-1]]


def select_page(visible: WorkspaceQuerySet, searched: str, after: str) -> WorkspacePage:
    """Return the page of ``visible`` after the workspace with the slug ``after``, whose names hold ``searched``."""
    firing = Alert.objects.current().filter(workspace=OuterRef("pk"), acknowledged_at__isnull=True)
    found = visible.annotate(fires=Exists(firing), folded=Lower("name"))
    if searched:
        found = found.filter(Q(name__icontains=searched) | Q(organization_name__icontains=searched))
    last: Any = found.filter(slug=after).first() if after else None
    if last:
        fires, folded, pk = last.fires, last.folded, last.pk
        later = Q(fires=fires, folded__gt=folded) | Q(fires=fires, folded=folded, pk__gt=pk)
        found = found.filter(later | Q(fires=False) if fires else later)
    order = (F("fires").desc(), "folded", "pk")
    found = found.annotate(place=Window(RowNumber(), order_by=order)).order_by(*order)
    return WorkspacePage(found[: PAGE_SIZE + 1], searched, after if last else "")
