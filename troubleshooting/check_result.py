"""Results of checks, and how an upstream error becomes one."""

from dataclasses import dataclass
from typing import Literal

from django.urls import NoReverseMatch, reverse

from cleanlist.errors import RateLimited
from workspaces.error_messages import explain
from workspaces.models import Workspace
from workspaces.services.connection_check import MAY_PASS

# "unknown": it could not be looked at; "skipped": there is nothing to look at.
CheckState = Literal["ok", "warning", "failed", "unknown", "skipped"]
RANKS: dict[CheckState, int] = {"skipped": 0, "ok": 1, "unknown": 2, "warning": 3, "failed": 4}


@dataclass(frozen=True)
class PageLink:
    """A link to the page of the console that deals with it."""

    label: str
    url: str


@dataclass(frozen=True)
class CheckResult:
    """How one check ended: what was found, and what to do about it.

    ``title`` is what a verdict says in a few words. ``facts`` are label and value. ``snippet`` is for a terminal.
    ``headline`` is the part of a workflow's verdict that this check knows.
    """

    state: CheckState
    text: str
    title: str = ""
    fix: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[PageLink, ...] = ()
    snippet: str = ""
    headline: str = ""

    @property
    def rank(self) -> int:
        """Return the rank of the state: the highest one becomes the verdict."""
        return RANKS[self.state]

    @property
    def is_finding(self) -> bool:
        """Return whether it is a finding: failed, a warning, or impossible to check."""
        return self.rank > RANKS["ok"]


def link(workspace: Workspace, label: str, name: str, *arguments: object, query: str = "") -> tuple[PageLink, ...]:
    """Return a link to a page of ``workspace``, or none while the console has no such page."""
    try:
        url = reverse(name, args=[workspace.slug, *arguments])
    except NoReverseMatch:
        return ()
    return (PageLink(label, f"{url}{query}"),)


def result_of_error(error: Exception, workspace: Workspace) -> CheckResult:
    """Return the result of a call that failed: unknown where a later call may go well.

    A limit that the console itself met says nothing of the case.
    """
    words = explain(error)
    shown = [("Cleanlist said", words.upstream), ("Request ID", words.request_id)]
    is_own_limit = isinstance(error, RateLimited)
    return CheckResult(
        "skipped" if is_own_limit else "unknown" if isinstance(error, MAY_PASS) else "failed",
        words.text or words.title,
        title=words.title,
        fix=words.fix,
        facts=tuple((label, value) for label, value in shown if value and value not in words.text),
        links=link(workspace, words.action_label, words.action_url_name) if words.action_url_name else (),
    )
