"""Whether a stored credential is believed in. One refusal is a doubt; a second one, some seconds later, rejects it.

What is rejected is tried again after a quarter of an hour and then every hour, a day long: upstream may have erred.
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

# Calls that were on their way together are refused together, and are one refusal.
CONFIRMED_AFTER = timedelta(seconds=5)
FIRST_PROBE, LATER_PROBES, LAST_PROBE = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredCredential:
    """One credential of a workspace: the row that holds it, and how its columns begin there."""

    workspace: Workspace
    row: Workspace | ManagementSession
    prefix: str

    def __getitem__(self, column: str) -> Any:
        return getattr(self.row, self.prefix + column)

    def note(self, **columns: Any) -> None:
        """Store what is now thought of it."""
        named = {self.prefix + column: value for column, value in columns.items()}
        for name, value in named.items():
            setattr(self.row, name, value)
        self.row.save(update_fields=list(named))

    @property
    def label(self) -> str:
        """Return what people call it."""
        return self.row.get_kind_display() if isinstance(self.row, ManagementSession) else "API key"


def stored_credential(workspace: Workspace, kind: CredentialKind) -> StoredCredential | None:
    """Return the credential of that kind; None where there is none."""
    if kind == "api_key":
        return StoredCredential(workspace, workspace, "api_key_") if workspace.api_key is not None else None
    session = workspace.management_session
    return StoredCredential(workspace, session, "") if session is not None else None


def record_refusal(credential: StoredCredential, error: AuthenticationError) -> None:
    """Note that upstream refused it just now: a doubt, or after one that has lasted, its rejection."""
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
    """Note that upstream took the credential with which ``used`` called; costs nothing where that is known."""
    credential = stored_credential(used, kind)
    if credential is None or (credential["doubted_at"] is None and credential["accepted_at"] is not None):
        return
    with transaction.atomic():
        workspace = lock_workspace(used, kind)
        now = stored_credential(workspace, kind) if workspace else None
        if now is not None and now["rejected_at"] is None:
            now.note(doubted_at=None, accepted_at=now["accepted_at"] or clock.now())


def restore_trust(credential: StoredCredential) -> None:
    """Take a rejection back, because upstream accepts the credential after all."""
    credential.note(**TRUSTED_STATE | {"accepted_at": clock.now()})
    logger.warning("credential_accepted_again", workspace=credential.workspace.pk, credential=credential.label)
    _record(Action.CREDENTIAL_ACCEPTED, credential, Outcome.SUCCEEDED, "Cleanlist accepts it again")


# What is noted of a credential of which nothing is known, so nothing bad.
TRUSTED_STATE: dict[str, Any] = {
    "rejected_at": None, "rejection": "", "doubted_at": None, "probe_at": None, "accepted_at": None,
}  # fmt: skip


def next_probe(rejected_at: datetime, now: datetime) -> datetime | None:
    """Return when a credential is tried again; None a day after its rejection."""
    at = now + (FIRST_PROBE if now - rejected_at < FIRST_PROBE else LATER_PROBES)
    return at if at - rejected_at <= LAST_PROBE else None


def lock_workspace(used: Workspace, kind: CredentialKind) -> Workspace | None:
    """Return the workspace as it is now, locked; None if its credential was replaced since ``used`` was read."""
    rows = Workspace.objects.select_for_update(of=("self",), no_key=True).select_related("session")
    workspace = rows.filter(pk=used.pk).first()
    if workspace is None or _identity(stored_credential(used, kind)) != _identity(stored_credential(workspace, kind)):
        return None
    return workspace


def _identity(credential: StoredCredential | None) -> tuple[Any, ...]:
    if credential is None:
        return ()
    row = credential.row
    return (row.pk, row.updated_at) if isinstance(row, ManagementSession) else (row.pk, row.api_key)


def _record(action: Action, credential: StoredCredential, outcome: Outcome, message: str) -> None:
    subject = ("", credential.label)
    record_event(action, CONSOLE, workspace=credential.workspace, outcome=outcome, subject=subject, message=message)
