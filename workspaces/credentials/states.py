"""The status of a workspace's credentials as a level, a word and a sentence. Makes no calls to upstream."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.encryption import EncryptedValue
from workspaces.models import ManagementSession, Workspace
from workspaces.polling import credential_trust
from workspaces.polling.credential_trust import StoredCredential

Level = Literal["ok", "warning", "danger", "neutral"]


@dataclass(frozen=True)
class CredentialState:
    """The status of one credential: a word for a pill, and a sentence that explains it."""

    level: Level
    word: str
    sentence: str
    is_rejected: bool = False  # Cleanlist has refused it

    @property
    def needs_attention(self) -> bool:
        """Return whether a person should do something."""
        return self.level in {"warning", "danger"}


def api_key_state(workspace: Workspace) -> CredentialState:
    credential = credential_trust.stored_credential(workspace, "api_key")
    if credential is None:
        return CredentialState("neutral", "Not stored", "Without an API key, the credit balance can't be synced.")
    problem = _useless("API key", credential, workspace.api_key) or _uncertain("API key", credential)
    return problem or CredentialState("ok", "Accepted", "Accepted by Cleanlist.")


def session_state(workspace: Workspace) -> CredentialState:
    credential, session = credential_trust.stored_credential(workspace, "session"), workspace.management_session
    if credential is None or session is None:
        return CredentialState(
            "neutral",
            "Not stored",
            "Without a management session, you can't create, revoke or list all keys, and there are no request logs.",
        )
    if problem := _useless("session", credential, session.secret):
        return problem
    if session.is_expired:
        return CredentialState(
            "warning", "Expired", "The pasted session token expired. Paste a new one to manage keys."
        )
    if problem := _uncertain("session", credential):
        return problem
    if session.kind == ManagementSession.Kind.PASTED:
        return CredentialState("ok", "Accepted", "A pasted token: key management works until it expires.")
    return CredentialState("ok", "Renews itself", "A stored Clerk client session: tokens are fetched as needed.")


def _useless(what: str, credential: StoredCredential, secret: EncryptedValue | None) -> CredentialState | None:
    """Return the status of a credential that cannot be used, else None."""
    if credential["rejected_at"] is not None:
        words = _rejected(what, credential["rejection"], credential["probe_at"])
        return CredentialState("danger", "Rejected", words, is_rejected=True)
    if secret is None or secret.is_decryptable:
        return None
    return CredentialState(
        "danger",
        "Can't be decrypted",
        f"The stored {what} cannot be decrypted: ENCRYPTION_KEYS no longer contains the key it "
        "was encrypted with, so it may or may not be accepted. Restore that key, or enter the credential again.",
    )


def _uncertain(what: str, credential: StoredCredential) -> CredentialState | None:
    """Return the status of a credential that Cleanlist may or may not accept, else None."""
    if credential["doubted_at"] is not None:
        words = f"Cleanlist refused this {what} once. If it refuses the next call too, it counts as rejected."
        return CredentialState("warning", "Unconfirmed", words)
    if credential["accepted_at"] is not None:
        return None
    words = f"The stored {what} hasn't been used successfully yet, so it may or may not be accepted."
    return CredentialState("neutral", "Unknown", words)


def _rejected(what: str, said: str, probe_at: datetime | None) -> str:
    reason = f" It said: “{said.rstrip('.')}.”" if said else ""
    again = " The console retries it automatically for one day." if probe_at else ""
    return (
        f"Cleanlist no longer accepts this {what}.{reason} It isn't used until you replace it or try it again.{again}"
    )
