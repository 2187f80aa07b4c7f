"""Creates a workspace's polls when it is connected; pauses and resumes them with their credentials.

Rejected credentials are tried again from time to time: upstream may have been wrong, and nobody is there at night.
"""

import structlog
from django.db import transaction

from cleanlist import ApiKeyCredential, ClerkSession, Client
from cleanlist.errors import AuthenticationError, CleanlistError
from core import clock
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, check_api_origin
from workspaces.models import ManagementSession, Workspace
from workspaces.polling import credential_trust
from workspaces.polling.credential_trust import StoredCredential
from workspaces.polling.registry import CredentialKind, all_resources

# Per run and kind of credential, because each call may take seconds.
MOST_A_TURN = 20
logger = structlog.get_logger(__name__)


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
            rows.exclude(paused_reason="").update(
                paused_reason="", next_run_at=clock.now(), consecutive_failures=0, fingerprint=""
            )


def _reason_to_pause(workspace: Workspace, credential: CredentialKind) -> str:
    if workspace.paused_at is not None:
        return workspace.pause
    if credential == "api_key":
        if workspace.api_key is None:
            return "No API key is stored."
        return "" if workspace.has_api_key else "Cleanlist rejected the stored API key."
    session = workspace.management_session
    if session is None:
        return "No management session is stored."
    if session.is_expired:
        return "The pasted session token has expired."
    return "" if session.is_usable else "Cleanlist no longer accepts the stored management session."


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


def probe_rejected() -> int:
    """Try the rejected credentials that are due, by a call that costs no credits; return how many were tried."""
    now, tried = clock.now(), 0
    due: dict[CredentialKind, dict[str, object]] = {
        "api_key": {"paused_at": None, "api_key_probe_at__lte": now},
        "session": {"paused_at": None, "session__probe_at__lte": now, "session__kind": ManagementSession.Kind.CLERK},
    }
    for kind, condition in due.items():
        for workspace in Workspace.objects.filter(**condition).select_related("session")[:MOST_A_TURN]:
            if (credential := _taken(workspace, kind)) is not None:
                tried += 1
                _probe(credential, kind)
    return tried


def _taken(used: Workspace, kind: CredentialKind) -> StoredCredential | None:
    """Schedule the credential's next probe and return it; None if another worker did so, or if it was replaced."""
    with transaction.atomic():
        workspace, now = credential_trust.lock_workspace(used, kind), clock.now()
        credential = credential_trust.stored_credential(workspace, kind) if workspace else None
        if credential is None or credential["probe_at"] is None or credential["probe_at"] > now:
            return None
        credential.note(probe_at=credential_trust.next_probe(credential["rejected_at"], now))
        return credential


def _probe(credential: StoredCredential, kind: CredentialKind) -> None:
    used = credential.workspace
    try:
        _ask(credential)
    except (CleanlistError, AddressNotAllowed, DecryptionError) as error:
        logger.info("credential_still_rejected", workspace=used.pk, credential=credential.label, error=str(error))
        return
    with transaction.atomic():
        workspace = credential_trust.lock_workspace(used, kind)
        now = credential_trust.stored_credential(workspace, kind) if workspace else None
        if workspace is not None and now is not None and now["rejected_at"] is not None:
            credential_trust.restore_trust(now)
            set_up_polls(workspace)


def _ask(credential: StoredCredential) -> None:
    """Call upstream with the credential. Raises CleanlistError unless it is accepted."""
    workspace, row = credential.workspace, credential.row
    check_api_origin(workspace.base_url)
    if isinstance(row, ManagementSession):
        check_api_origin(row.frontend_api_url)
        session = ClerkSession(row.frontend_api_url, row.session_id, row.client_token.decrypt())
        with Client(workspace.base_url, session, retries=0) as client:
            client.whoami()
    else:
        with Client(workspace.base_url, ApiKeyCredential(workspace.api_key.decrypt()), retries=0) as client:
            client.validate_key()
