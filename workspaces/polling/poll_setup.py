"""Creates a workspace's polls when it is connected; pauses and resumes them with their credentials."""

from django.db import transaction

from cleanlist.errors import AuthenticationError
from core import clock
from workspaces.models import Workspace
from workspaces.polling import credential_trust
from workspaces.polling.registry import CredentialKind, all_resources


def set_up_polls(workspace: Workspace) -> None:
    """Create missing polls of ``workspace``, resume those that have a usable credential, and pause the others."""
    for resource in all_resources():
        if not resource.has_subjects:
            workspace.polls.get_or_create(
                resource=resource.name, subject="", defaults={"interval_seconds": resource.interval_seconds()}
            )
        rows = workspace.polls.filter(resource=resource.name)
        if reason := _reason_to_pause(workspace, resource.credential):
            rows.update(paused_reason=reason)
        elif not resource.wanted(workspace):
            rows.update(paused_reason="Another resource brings the same and more.")
        else:
            rows.exclude(paused_reason="").update(paused_reason="", next_run_at=clock.now(), consecutive_failures=0)


def _reason_to_pause(workspace: Workspace, credential: CredentialKind) -> str:
    if workspace.paused_at is not None:
        return workspace.pause
    if credential == "api_key":
        if workspace.api_key is None:
            return "No API key is stored."
        return "" if workspace.has_api_key else "Upstream rejected the stored API key."
    session = workspace.management_session
    if session is None:
        return "No management session is stored."
    if session.is_expired:
        return "The pasted session token has expired."
    return "" if session.is_usable else "Upstream no longer accepts the stored management session."


def stop_using_credential(used: Workspace, kind: CredentialKind, error: Exception) -> None:
    """Pause the polls of a credential that was rejected or has expired; a first refusal only puts it in doubt.

    ``used`` is the workspace as it was when the call was made: a credential that was replaced since is not affected.
    """
    with transaction.atomic():
        workspace = credential_trust.lock_workspace(used, kind)
        if workspace is None:
            return
        credential = credential_trust.stored_credential(workspace, kind)
        # An error without a status is our own: the token has expired. For an ended session Clerk may also return 404.
        if credential is not None and isinstance(error, AuthenticationError) and error.status is not None:
            credential_trust.record_refusal(credential, error)
        set_up_polls(workspace)
