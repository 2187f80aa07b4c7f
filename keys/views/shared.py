"""What the views of this app share."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest

from cleanlist.errors import CleanlistError
from keys.models import ApiKey
from workspaces.connections import AddressNotAllowed, NotConnected
from workspaces.models import Role, Workspace
from workspaces.sealing import CannotOpen

# By which a command ends that upstream refused, or that was never sent.
REFUSALS = (CleanlistError, NotConnected, AddressNotAllowed, CannotOpen)


def wants_part(request: HttpRequest) -> bool:
    """Say whether htmx asks for the part of the page that changes; never a client parameter."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def get_key(workspace: Workspace, key_id: UUID) -> ApiKey:
    """Return the key of ``workspace`` with that id. Raises Http404."""
    key = ApiKey.objects.of(workspace).with_people().filter(key_id=key_id).first()
    if key is None:
        raise Http404("No such key in this workspace.")
    key.workspace = workspace
    return key


def page_context(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    """Return what every page of keys needs: where it is, and whether commands are offered."""
    role = workspace.role_of(request.user)
    return {"workspace": workspace, "can_operate": role is not None and role.includes(Role.OPERATOR)}
