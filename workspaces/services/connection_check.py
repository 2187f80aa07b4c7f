"""Tries credentials against upstream before they are saved, and reports what works and what does not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cleanlist import ApiKeyCredential, ClerkSession, Client, StaticSession, Whoami
from cleanlist.errors import (
    CleanlistError,
    FeatureGated,
    InsufficientScope,
    RateLimited,
    UnexpectedResponse,
    UpstreamUnavailable,
)
from core.encryption import DecryptionError
from core.sanitize import sanitize_text
from workspaces.credentials.clients import AddressNotAllowed, check_api_origin
from workspaces.credentials.encryption_keys import check_encryption_keys
from workspaces.error_messages import explain
from workspaces.models import Workspace

State = Literal["ok", "warning", "failed", "skipped"]
ADMIN_SCOPE = "admin:api_keys"
# Temporary failures, which say nothing about the credentials.
MAY_PASS = (UpstreamUnavailable, RateLimited, UnexpectedResponse)


@dataclass(frozen=True)
class Check:
    """One line of the report: what was tried, the result, and what to do about it."""

    label: str
    state: State
    text: str
    fix: str = ""
    may_pass: bool = False


@dataclass
class ConnectionReport:
    """What a set of credentials can and cannot do."""

    checks: list[Check] = field(default_factory=list)
    whoami: Whoami | None = None
    session_whoami: Whoami | None = None
    session_expires_at: datetime | None = None
    # The encryption keys of this process open none of the stored secrets, so saving another one needs a confirmation.
    has_wrong_keys: bool = False

    @property
    def works(self) -> bool:
        """Return whether no check failed; skipped ones do not count."""
        return all(check.state != "failed" for check in self.checks)

    @property
    def may_pass(self) -> bool:
        """Return whether every failed check may work later: upstream was down or busy, and refused no credential."""
        return all(check.may_pass for check in self.checks if check.state == "failed")

    def add(self, label: str, state: State, text: str, fix: str = "", *, may_pass: bool = False) -> None:
        self.checks.append(Check(label, state, text, fix, may_pass))

    def attempt(self, label: str, call: Callable[[], str]) -> bool:
        """Run ``call`` and add a line with its result or error; return whether it worked."""
        try:
            self.add(label, "ok", call())
        except CleanlistError as error:
            # The credential still works for whatever its plan and scopes include.
            state: State = "warning" if isinstance(error, FeatureGated | InsufficientScope) else "failed"
            words = explain(error)
            text = f"{words.title}. {words.text}".strip()
            self.add(label, state, text, words.fix, may_pass=isinstance(error, MAY_PASS))
            return False
        return True


def check_connection(
    base_url: str,
    api_key: ApiKeyCredential | None,
    session: StaticSession | ClerkSession | None,
) -> ConnectionReport:
    """Try the given credentials by a few calls that cost no credits. Saves nothing."""
    report = ConnectionReport()
    try:
        check_api_origin(base_url)
    except AddressNotAllowed as error:
        report.add("API address", "failed", str(error))
        return report
    _check_encryption_keys(report)
    if api_key is None:
        report.add("API key", "skipped", "Not set. The credit balance can't be synced.")
    else:
        _check_api_key(report, base_url, api_key)
    if session is None:
        report.add(
            "Management session",
            "skipped",
            "Not set. You can't create, revoke or list all keys, and there are no request logs.",
        )
    else:
        _check_session(report, base_url, session)
    return report


def _check_encryption_keys(report: ConnectionReport) -> None:
    try:
        check_encryption_keys()
    except DecryptionError as error:
        fix = "The console's operator must restore the previous encryption keys and restart it."
        report.add("Encryption keys", "failed", str(error), fix, may_pass=True)
        report.has_wrong_keys = True


def _check_api_key(report: ConnectionReport, base_url: str, credential: ApiKeyCredential) -> None:
    with Client(base_url, credential, retries=0) as client:

        def identify() -> str:
            report.whoami = client.whoami()
            return f"Valid. Belongs to {_organization(report.whoami)}."

        if not report.attempt("API key", identify):
            return
        report.attempt("Credit balance", lambda: f"{client.credits.balance().credits:,} credits.")
        whoami = report.whoami
        if whoami and ADMIN_SCOPE in (whoami.scopes or ()):
            report.add("List keys with the API key", "ok", f"The key has the scope {ADMIN_SCOPE}.")
        else:
            report.add(
                "List keys with the API key",
                "warning",
                f"The key's owner lacks the scope {ADMIN_SCOPE}, so this key can't list keys.",
                "A management session can list them.",
            )


def _check_session(report: ConnectionReport, base_url: str, credential: StaticSession | ClerkSession) -> None:
    with Client(base_url, credential, retries=0) as client:

        def identify() -> str:
            report.session_whoami = client.whoami()
            if isinstance(credential, StaticSession):
                report.session_expires_at = credential.expires_at
            whoami = report.session_whoami
            return f"Accepted for {sanitize_text(whoami.user_email or whoami.user_id, 320)}."

        if not report.attempt("Management session", identify):
            return
        report.attempt("Key management", lambda: f"{len(client.api_keys.list())} keys listed.")
    first, second = report.whoami, report.session_whoami
    if first and second and first.organization_id != second.organization_id:
        report.add(
            "Same organization",
            "failed",
            f"The API key belongs to {_organization(first)}, the session to {_organization(second)}.",
            "Use credentials of one organization. Create a second workspace for the other.",
        )


def compare_organizations(report: ConnectionReport, workspace: Workspace) -> None:
    """Add a failure if a credential belongs to another organization than ``workspace`` mirrors."""
    found = report.whoami or report.session_whoami
    if found and workspace.organization_id and found.organization_id != workspace.organization_id:
        report.add(
            "Same organization",
            "failed",
            f"This belongs to {_organization(found)}, the workspace to "
            f"{workspace.organization_name or workspace.organization_id}.",
            "Use a credential of the same organization. Create a second workspace for the other.",
        )


def _organization(whoami: Whoami) -> str:
    return sanitize_text(whoami.organization_name or whoami.organization_id, 200)
