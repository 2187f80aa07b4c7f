"""How a workspace's credentials are doing, each as a level, a word and a sentence. Read from the mirror only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workspaces.models import ManagementSession, Workspace

Level = Literal["ok", "warning", "danger", "neutral"]


@dataclass(frozen=True)
class CredentialState:
    """One credential: how it is, in a word for a pill, and what that means."""

    level: Level
    word: str
    sentence: str

    @property
    def needs_attention(self) -> bool:
        """Say whether a person should do something."""
        return self.level in {"warning", "danger"}


def api_key_state(workspace: Workspace) -> CredentialState:
    """Return how the API key is doing."""
    if workspace.api_key is None:
        return CredentialState("neutral", "Not stored", "Without an API key the credit balance cannot be read.")
    if workspace.api_key_rejected_at is not None:
        words = _rejected("API key", workspace.api_key_rejection, workspace.api_key_probe_at)
        return CredentialState("danger", "Rejected", words)
    if workspace.api_key_doubted_at is not None:
        return CredentialState("warning", "In doubt", _doubted("API key"))
    return CredentialState("ok", "Accepted", "Cleanlist accepts it.")


def session_state(workspace: Workspace) -> CredentialState:
    """Return how the management session is doing."""
    session = workspace.management_session
    if session is None:
        return CredentialState(
            "neutral",
            "Not stored",
            "Without a management session keys cannot be created, revoked or listed in full, "
            "and there are no request logs.",
        )
    if session.rejected_at is not None:
        return CredentialState("danger", "Rejected", _rejected("session", session.rejection, session.probe_at))
    if session.is_expired:
        return CredentialState(
            "warning", "Expired", "The pasted session token has run out; key management waits for a new one."
        )
    if session.doubted_at is not None:
        return CredentialState("warning", "In doubt", _doubted("session"))
    if session.kind == ManagementSession.Kind.PASTED:
        return CredentialState("ok", "Accepted", "A pasted token: key management works until it expires.")
    return CredentialState("ok", "Renews itself", "A stored Clerk client session: tokens are fetched when needed.")


def _rejected(what: str, said: str, probe_at: datetime | None) -> str:
    reason = f" It said: “{said.rstrip('.')}.”" if said else ""
    again = " The console tries it again by itself for a day." if probe_at else ""
    return (
        f"Cleanlist no longer accepts this {what}.{reason} It is not used until it is replaced or tried again.{again}"
    )


def _doubted(what: str) -> str:
    return f"Cleanlist refused this {what} once. If the next call is refused as well, it counts as rejected."
