"""What the views of this app share."""

from uuid import UUID

from django.http import Http404

from cleanlist.errors import CleanlistError
from core.encryption import DecryptionError
from keys.models import ApiKey
from workspaces.credentials.clients import AddressNotAllowed, NotConnected
from workspaces.models import Workspace

# Errors of a command that upstream refused or that was never sent.
REFUSALS = (CleanlistError, NotConnected, AddressNotAllowed, DecryptionError)


def get_key(workspace: Workspace, key_id: UUID) -> ApiKey:
    """Return the key of ``workspace`` with that id. Raises Http404."""
    key = ApiKey.objects.of(workspace).filter(key_id=key_id).first()
    if key is None:
        raise Http404("No such key in this workspace.")
    key.workspace = workspace
    return key
