"""The items that need attention in a workspace, each with the page that deals with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from django.utils.timesince import timesince

from core.formatting import counted
from usage.budgets.status import BudgetStatus
from webhooks.filters import NO_HOST_LABEL, link_to
from webhooks.health import FAILING_IN_A_ROW
from workspaces.credentials.states import api_key_state, session_state
from workspaces.error_messages import explain_kind
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import resource_named

AttentionLevel = Literal["danger", "warning"]
SETTINGS, KEYS, WEBHOOKS, POLLING = "workspaces:settings", "keys:list", "webhooks:list", "workspaces:polling"
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
    text = f"{workspace.pause} Nothing new is seen, and alerts that need it stay quiet."
    return [AttentionItem("warning", text, POLLING, "Details")]


def _credentials(workspace: Workspace) -> list[AttentionItem]:
    if workspace.api_key is None and workspace.management_session is None:
        text = "No credential is stored, so nothing can be read."
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
        text = f"{what} created whose secret nobody ever saw. Revoke what is of no use."
        found.append(AttentionItem("danger", text, KEYS, "Look"))
    if expiring := keys.get("expiring", 0):
        what = counted(expiring, "active key expires", "active keys expire")
        found.append(AttentionItem("warning", f"{what} within 7 days.", KEYS, "Look", "?status=expiring"))
    return found


def _budget(budget: BudgetStatus | None) -> list[AttentionItem]:
    if budget is None or not budget.alarm:
        return []
    return [AttentionItem("warning", budget.alarm, USAGE, "Look", "#budget")]


def _webhooks(endpoints: Sequence[str]) -> list[AttentionItem]:
    """Return one item for each endpoint that fails; of many the first, with how many more there are."""
    found = [
        AttentionItem(
            "danger",
            f"Webhooks to {host or NO_HOST_LABEL} fail: the latest {FAILING_IN_A_ROW} or more never arrived.",
            WEBHOOKS,
            "Why?",
            link_to(host=host, state="failed"),
        )
        for host in endpoints[:MOST_ENDPOINTS]
    ]
    if more := len(endpoints) - len(found):
        text = f"Webhooks to {counted(more, 'more endpoint')} fail too."
        found.append(AttentionItem("danger", text, WEBHOOKS, "Look", link_to(state="failed")))
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
        return f"It was last read {timesince(poll.last_success_at, depth=1)} ago, and the console is late to read it."
    why = explain_kind(poll.last_error_kind, poll.last_error, poll.last_request_id)
    return f"{why.title}. {why.text}"
