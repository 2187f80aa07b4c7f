"""Reads upstream at once because a person asked for it."""

from dataclasses import dataclass, field
from typing import Any

from workspaces.models import Poll, Workspace
from workspaces.polling import engine
from workspaces.polling.registry import resource_named


@dataclass(frozen=True)
class RefreshResult:
    """How the re-reading of one or more resources went."""

    errors: list[Exception]
    # What was read and stored, in the order in which it was asked for.
    data: list[Any] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Return whether everything that was asked for was read."""
        return not self.errors


def refresh(workspace: Workspace, resource: str, *, subject: str = "") -> RefreshResult:
    """Fetch ``resource`` of ``workspace`` now and land it; what upstream refuses is returned, not raised.

    Takes as long as upstream does, at most the client's total time-out.
    """
    poll, _ = Poll.objects.get_or_create(
        workspace=workspace,
        resource=resource,
        subject=subject,
        defaults={"interval_seconds": resource_named(resource).interval_seconds()},
    )
    answers = engine.run([poll], asked_for=True)
    read = [answer.data for answer in answers if answer.fetched_at is not None]
    return RefreshResult([answer.error for answer in answers if answer.error is not None], read)
