"""What people do to polling: read upstream at once, pause and resume. Refreshes work even while it is paused."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from core import clock
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.error_messages import explain
from workspaces.models import Action, Outcome, Poll, Role, Workspace
from workspaces.polling import engine
from workspaces.polling.poll_setup import set_up_polls
from workspaces.polling.registry import Resource, resource_named


@dataclass(frozen=True)
class RefreshResult:
    """The result of refreshing one or more resources."""

    errors: list[Exception]
    # The data that was fetched and stored, in the requested order.
    data: list[Any] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Return whether there were no errors."""
        return not self.errors

    @property
    def problem(self) -> str:
        """Return the first error in a sentence; empty if there was none."""
        return explain(self.errors[0]).sentence if self.errors else ""


def refresh_by_hand(workspace: Workspace, resource: Resource, actor: Actor, *, subject: str = "") -> RefreshResult:
    """Refresh ``resource`` because the actor asked for it, and record that."""
    result = refresh(workspace, resource.name, subject=subject)
    record_event(
        Action.REFRESHED,
        actor,
        workspace=workspace,
        outcome=Outcome.SUCCEEDED if result.ok else Outcome.FAILED,
        subject=(subject, resource.label),
        message="" if result.ok else f"{resource.label}: {result.problem}",
    )
    return result


def refresh(workspace: Workspace, resource: str, *, subject: str = "") -> RefreshResult:
    """Fetch and ingest ``resource`` of ``workspace`` now. Errors of upstream are returned, not raised.

    Blocks until upstream responds, at most for the client's total timeout.
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


def pause_polling(workspace: Workspace, actor: Actor) -> bool:
    """Stop polling in the background until it is resumed; return whether anything changed.

    Raises PermissionDenied if the actor is no longer an owner.
    """
    return _set_paused(workspace, actor, paused=True)


def resume_polling(workspace: Workspace, actor: Actor) -> bool:
    """Poll everything that the credentials allow, starting at once; return whether anything changed.

    Raises PermissionDenied if the actor is no longer an owner.
    """
    return _set_paused(workspace, actor, paused=False)


def _set_paused(workspace: Workspace, actor: Actor, *, paused: bool) -> bool:
    with transaction.atomic():
        now = Workspace.objects.select_for_update().get(pk=workspace.pk)
        if (now.paused_at is not None) == paused:
            return False
        rights.require_role(actor, now, Role.OWNER)
        now.paused_at = workspace.paused_at = clock.now() if paused else None
        now.save(update_fields=["paused_at"])
        set_up_polls(now)
        action = Action.POLLING_PAUSED if paused else Action.POLLING_RESUMED
        record_event(action, actor, workspace=now, subject=(now.slug, now.name))
    return True
