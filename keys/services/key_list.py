"""Reads the key list again after a command: the newest list there is, by which the command's outcome is decided."""

from collections.abc import Mapping
from dataclasses import dataclass

from keys.models import ApiKey
from workspaces.models import Workspace
from workspaces.services import refresh


@dataclass(frozen=True)
class ListedKeys:
    """What a list shows: by upstream's id, whether each key in it is active. Some may be missing if not complete."""

    keys: Mapping[str, bool]
    is_complete: bool = True

    def shows_active(self, key: ApiKey) -> bool | None:
        """Return whether ``key`` is listed as active; None where it is not listed, so that nothing is known of it."""
        return self.keys.get(key.upstream_id)


def refresh_list(workspace: Workspace) -> ListedKeys | None:
    """Bring the mirror in line with upstream and return what the list shows; None where it could not be read."""
    read = refresh(workspace, "keys").data
    if not read:
        return None
    return ListedKeys({key.id: key.is_active for key in read[0]}, is_complete=read[0].is_complete)
