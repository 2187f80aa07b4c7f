"""Reads the key list again after a command, and says whether that worked."""

from django.utils import timezone

from workspaces.models import Workspace
from workspaces.services import refresh


def reread_list(workspace: Workspace) -> bool:
    """Bring the mirror in line with upstream. True only if a list read from now on has landed."""
    started_at = timezone.now()
    refresh(workspace, "keys")
    return workspace.polls.filter(resource="keys", last_success_at__gte=started_at).exists()
