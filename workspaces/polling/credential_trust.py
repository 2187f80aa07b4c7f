"""Whether a stored credential is trusted. One refusal puts it in doubt; a second one some seconds later rejects it.

Upstream may be wrong, so a rejected credential is tried again after 15 minutes and then every hour, for a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from cleanlist.errors import AuthenticationError
from core import clock
from core.sanitize import sanitize_text
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, ManagementSession, Outcome, Workspace
from workspaces.polling.registry import CredentialKind

# Concurrent calls are refused together, which counts as one refusal.
CONFIRMED_AFTER = timedelta(seconds=5)
FIRST_PROBE, LATER_PROBES, LAST_PROBE = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredCredential:
    """One credential of a workspace: the row that holds it, and the prefix of its columns there."""

    workspace: Workspace
    row: Workspace | ManagementSession
    prefix: str

    def __getitem__(self, column: str) -> Any:
        return getattr(self.row, self.prefix + column)

    def note(self, **columns: object) -> None:
        """Store new values in the credential's columns."""
        named = {self.prefix + column: value for column, value in columns.items()}
        for name, value in named.items():
            setattr(self.row, name, value)
        self.row.save(update_fields=list(named))

    @property
    def label(self) -> str:
        """Return its name as people know it."""
        return self.row.get_kind_display() if isinstance(self.row, ManagementSession) else "API key"


def stored_credential(workspace: Workspace, kind: CredentialKind) -> StoredCredential | None:
    """Return the workspace's credential of that kind, if any."""
    if kind == "api_key":
        return StoredCredential(workspace, workspace, "api_key_") if workspace.api_key is not None else None
    session = workspace.management_session
    return StoredCredential(workspace, session, "") if session is not None else None


def record_refusal(credential: StoredCredential, error: AuthenticationError) -> None:
    """Record that upstream has just refused it: a first refusal is a doubt, a later one a rejection."""
    now = clock.now()
    if credential["rejected_at"] is not None:
        return
    since = credential["doubted_at"]
    if since is None or since > now:
        credential.note(doubted_at=now)
        logger.info("credential_doubted", workspace=credential.workspace.pk, credential=credential.label)
    elif now - since >= CONFIRMED_AFTER:
        words = sanitize_text(str(error), 2000)
        credential.note(rejected_at=now, rejection=words, probe_at=next_probe(now, now))
        logger.warning("credential_rejected", workspace=credential.workspace.pk, credential=credential.label)
        _record(Action.CREDENTIAL_REJECTED, credential, Outcome.FAILED, str(error))


def record_acceptance(used: Workspace, kind: CredentialKind) -> None:
    """Record that upstream accepted the credential that ``used`` called with; no query if that is known already."""
    credential = stored_credential(used, kind)
    if credential is None or (credential["doubted_at"] is None and credential["accepted_at"] is not None):
        return
    with transaction.atomic():
        workspace = lock_workspace(used, kind)
        now = stored_credential(workspace, kind) if workspace else None
        if now is not None and now["rejected_at"] is None:
            now.note(doubted_at=None, accepted_at=now["accepted_at"] or clock.now())


def restore_trust(credential: StoredCredential) -> None:
    """Undo a rejection, because upstream accepts the credential again."""
    credential.note(**TRUSTED_STATE | {"accepted_at": clock.now()})
    logger.warning("credential_accepted_again", workspace=credential.workspace.pk, credential=credential.label)
    _record(Action.CREDENTIAL_ACCEPTED, credential, Outcome.SUCCEEDED, "Cleanlist accepts it again")


# The columns of a new credential, which is trusted until upstream refuses it.
TRUSTED_STATE: dict[str, object] = {
    "rejected_at": None, "rejection": "", "doubted_at": None, "probe_at": None, "accepted_at": None,
}  # fmt: skip


def next_probe(rejected_at: datetime, now: datetime) -> datetime | None:
    """Return when to try a rejected credential again; None once a day has passed."""
    at = now + (FIRST_PROBE if now - rejected_at < FIRST_PROBE else LATER_PROBES)
    return at if at - rejected_at <= LAST_PROBE else None


def lock_workspace(used: Workspace, kind: CredentialKind) -> Workspace | None:
    """Return the current row of the workspace, locked; None if its credential was replaced since ``used`` was read."""
    rows = Workspace.objects.select_for_update(of=("self",), no_key=True).select_related("session")
    workspace = rows.filter(pk=used.pk).first()
    if workspace is None or _identity(stored_credential(used, kind)) != _identity(stored_credential(workspace, kind)):
        return None
    return workspace


def _identity(credential: StoredCredential | None) -> tuple[object, ...]:
    if credential is None:
        return ()
    row = credential.row
    return (row.pk, row.updated_at) if isinstance(row, ManagementSession) else (row.pk, row.api_key)


def _record(action: Action, credential: StoredCredential, outcome: Outcome, message: str) -> None:
    subject = ("", credential.label)
    record_event(action, CONSOLE, workspace=credential.workspace, outcome=outcome, subject=subject, message=message)
