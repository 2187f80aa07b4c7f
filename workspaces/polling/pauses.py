"""Which polls run: made when a workspace is connected, stopped with their credential, resumed with a new one."""

import structlog
from django.db import transaction
from django.utils import timezone

from cleanlist.errors import AuthenticationError
from workspaces.audit import CONSOLE, record_event
from workspaces.models import Action, Outcome, Workspace
from workspaces.polling.registry import CredentialKind, all_resources
from workspaces.texts import plain_text

logger = structlog.get_logger(__name__)


def set_up_polls(workspace: Workspace) -> None:
    """Make the rows that ``workspace`` needs, wake those whose credential is there, and pause the others."""
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
            rows.exclude(paused_reason="").update(paused_reason="", next_run_at=timezone.now(), consecutive_failures=0)


def _reason_to_pause(workspace: Workspace, credential: CredentialKind) -> str:
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


def credential_stopped(used: Workspace, credential: CredentialKind, error: Exception) -> None:
    """Stop using a credential that upstream rejected, or that ran out, until a person replaces it.

    ``used`` is the workspace as it was when the call was made: what was replaced since is not stopped.
    """
    with transaction.atomic():
        rows = Workspace.objects.select_for_update(of=("self",), no_key=True).select_related("session")
        workspace = rows.filter(pk=used.pk).first()
        if workspace is None or not _is_same(credential, used, workspace):
            return
        if isinstance(error, AuthenticationError) and error.status == 401:
            _reject(workspace, credential, error)
        set_up_polls(workspace)


def _is_same(credential: CredentialKind, used: Workspace, now: Workspace) -> bool:
    if credential == "api_key":
        return bool(used.api_key == now.api_key)
    before, after = used.management_session, now.management_session
    return (before and (before.pk, before.updated_at)) == (after and (after.pk, after.updated_at))


def _reject(workspace: Workspace, credential: CredentialKind, error: Exception) -> None:
    """Note the rejection, once."""
    now, words = timezone.now(), plain_text(str(error), 2000)
    session = workspace.management_session
    if credential == "api_key" and workspace.has_api_key:
        workspace.api_key_rejected_at, workspace.api_key_rejection = now, words
        workspace.save(update_fields=["api_key_rejected_at", "api_key_rejection"])
        _record_rejection(workspace, "API key", error)
    elif credential == "session" and session is not None and session.is_usable:
        session.rejected_at, session.rejection = now, words
        session.save(update_fields=["rejected_at", "rejection"])
        _record_rejection(workspace, session.get_kind_display(), error)


def _record_rejection(workspace: Workspace, label: str, error: Exception) -> None:
    logger.warning("credential_rejected", workspace=workspace.pk, credential=label)
    record_event(
        Action.CREDENTIAL_REJECTED,
        CONSOLE,
        workspace=workspace,
        outcome=Outcome.FAILED,
        subject=("", label),
        message=str(error),
    )
