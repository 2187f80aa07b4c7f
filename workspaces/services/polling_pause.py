"""Pauses and resumes what is read of a workspace in the background. What a person asks for is read all the same."""

from django.db import transaction

from core import clock
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Role, Workspace
from workspaces.polling.poll_setup import set_up_polls


def pause_polling(workspace: Workspace, actor: Actor) -> bool:
    """Have nothing read in the background until it is resumed; return whether that is a change.

    Raises PermissionDenied for who is no owner any more.
    """
    return _set(workspace, actor, paused=True)


def resume_polling(workspace: Workspace, actor: Actor) -> bool:
    """Read everything again that credentials allow, beginning at once; return whether that is a change.

    Raises PermissionDenied for who is no owner any more.
    """
    return _set(workspace, actor, paused=False)


def _set(workspace: Workspace, actor: Actor, *, paused: bool) -> bool:
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
