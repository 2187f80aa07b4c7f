"""Re-reads the key list after a command, to determine the command's outcome from the newest list."""

from collections.abc import Mapping
from dataclasses import dataclass

from keys.models import ApiKey
from workspaces.models import Workspace
from workspaces.polling.registry import KEYS
from workspaces.services import refresh


@dataclass(frozen=True)
class ListedKeys:
    """The keys in a list: upstream's id mapped to whether it is active. An incomplete list may lack some."""

    keys: Mapping[str, bool]
    is_complete: bool = True

    def shows_active(self, key: ApiKey) -> bool | None:
        """Return whether ``key`` is listed as active; None if it is not listed, so that its state is unknown."""
        return self.keys.get(key.upstream_id)


def refresh_list(workspace: Workspace) -> ListedKeys | None:
    """Update the mirror and return the list; None if it could not be read."""
    read = refresh(workspace, KEYS).data
    if not read:
        return None
    return ListedKeys({key.id: key.is_active for key in read[0]}, is_complete=read[0].is_complete)
