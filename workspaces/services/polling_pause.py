"""Pauses and resumes background polling of a workspace. Manual refreshes work even while it is paused."""

from django.db import transaction

from core import clock
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Role, Workspace
from workspaces.polling.poll_setup import set_up_polls


def pause_polling(workspace: Workspace, actor: Actor) -> bool:
    """Stop polling in the background until it is resumed; return whether anything changed.

    Raises PermissionDenied if the actor is no longer an owner.
    """
    return _set(workspace, actor, paused=True)


def resume_polling(workspace: Workspace, actor: Actor) -> bool:
    """Poll everything that the credentials allow, starting at once; return whether anything changed.

    Raises PermissionDenied if the actor is no longer an owner.
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
