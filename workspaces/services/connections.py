"""Connects, changes and removes workspaces and their credentials."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from cleanlist import ApiKeyCredential, ClerkSession, Secret, StaticSession, Whoami
from core import clock
from core.encryption import EncryptedValue
from core.sanitize import sanitize_text
from workspaces.audit.events import Actor, record_event
from workspaces.credentials.clients import check_api_origin
from workspaces.models import Action, ManagementSession, Membership, Role, Workspace
from workspaces.polling.credential_trust import TRUSTED_STATE
from workspaces.polling.poll_setup import set_up_polls
from workspaces.services.connection_check import ConnectionReport

# The most features and scopes that are stored; upstream documents twelve scopes.
MOST_NAMES = 100
_listeners: list[Callable[[Workspace], object]] = []


def on_connected(listener: Callable[[Workspace], object]) -> None:
    """Have ``listener`` called with each new workspace, inside the transaction that creates it."""
    if listener not in _listeners:
        _listeners.append(listener)


@dataclass(frozen=True)
class Credentials:
    """The credentials that a person entered: an API key, and at most one source of session tokens."""

    api_key: Secret | None = None
    session_token: Secret | None = None
    frontend_api_url: str = ""
    session_id: str = ""
    client_token: Secret | None = None

    @property
    def has_session(self) -> bool:
        """Return whether there is a source of session tokens."""
        return self.session_token is not None or self.client_token is not None

    def for_api_key(self) -> ApiKeyCredential | None:
        """Return the API key as a credential for the client."""
        return ApiKeyCredential(self.api_key) if self.api_key else None

    def for_session(self) -> StaticSession | ClerkSession | None:
        """Return the session as a credential for the client. Raises AddressNotAllowed for an unlisted front-end API."""
        if self.client_token is not None:
            check_api_origin(self.frontend_api_url)
            return ClerkSession(self.frontend_api_url, self.session_id, self.client_token)
        return StaticSession(self.session_token) if self.session_token else None


def connect_workspace(
    actor: Actor,
    *,
    name: str,
    base_url: str,
    credentials: Credentials,
    report: ConnectionReport | None = None,
    slug: str = "",
) -> Workspace:
    """Save a new workspace with its credentials; the person who connects it becomes its owner. Polling starts at once.

    ``slug`` must be free; without one it is made from the name.
    """
    check_api_origin(base_url)
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name, slug=slug or _free_slug(name), base_url=base_url)
        if actor.user is not None:
            Membership.objects.create(workspace=workspace, user=actor.user, role=Role.OWNER)
        if credentials.api_key:
            _store_api_key(workspace, credentials.api_key, report)
        if credentials.has_session:
            _store_session(workspace, credentials, report)
        if report is not None:
            describe_workspace(workspace, report.whoami or report.session_whoami)
        set_up_polls(workspace)
        for listener in _listeners:
            listener(workspace)
        record_event(
            Action.WORKSPACE_CONNECTED,
            actor,
            workspace=workspace,
            subject=(workspace.slug, name),
            base_url=base_url,
        )
    return workspace


def rename_workspace(workspace: Workspace, actor: Actor, *, name: str, base_url: str) -> None:
    """Change the name and the API URL. The slug stays, so links stay valid.

    Credentials that were rejected at the old URL are tried at a new one.
    """
    check_api_origin(base_url)
    before = {"name": workspace.name, "base_url": workspace.base_url}
    workspace.name, workspace.base_url = name, base_url
    with transaction.atomic():
        workspace.save(update_fields=["name", "base_url"])
        if base_url != before["base_url"]:
            _trust_credentials(workspace)
        record_event(
            Action.WORKSPACE_CHANGED,
            actor,
            workspace=workspace,
            subject=(workspace.slug, name),
            before=before,
            after={"name": name, "base_url": base_url},
        )


def replace_api_key(workspace: Workspace, actor: Actor, secret: Secret, report: ConnectionReport) -> None:
    """Store a new API key and resume the polls that use it."""
    with transaction.atomic():
        _store_api_key(workspace, secret, report)
        describe_workspace(workspace, report.whoami)
        set_up_polls(workspace)
        label = f"{workspace.api_key_prefix}…{workspace.api_key_last4}"
        record_event(Action.API_KEY_REPLACED, actor, workspace=workspace, subject=("", label))


def remove_api_key(workspace: Workspace, actor: Actor) -> None:
    """Delete the API key. Polls that need it stop; the mirror stays."""
    label = f"{workspace.api_key_prefix}…{workspace.api_key_last4}"
    with transaction.atomic():
        workspace.api_key, workspace.api_key_prefix, workspace.api_key_last4 = None, "", ""
        _trust_api_key(workspace)
        workspace.save()
        set_up_polls(workspace)
        record_event(Action.API_KEY_REMOVED, actor, workspace=workspace, subject=("", label))


def replace_session(
    workspace: Workspace, actor: Actor, credentials: Credentials, report: ConnectionReport | None
) -> None:
    """Store a new source of session tokens and resume the polls that use it."""
    with transaction.atomic():
        session = _store_session(workspace, credentials, report)
        set_up_polls(workspace)
        record_event(Action.SESSION_REPLACED, actor, workspace=workspace, subject=("", session.get_kind_display()))


def remove_session(workspace: Workspace, actor: Actor) -> None:
    """Delete the source of session tokens. Key management is switched off; the mirror stays."""
    with transaction.atomic():
        ManagementSession.objects.filter(workspace=workspace).delete()
        workspace = Workspace.objects.get(pk=workspace.pk)
        set_up_polls(workspace)
        record_event(Action.SESSION_REMOVED, actor, workspace=workspace)


def retry_credentials(workspace: Workspace, actor: Actor) -> None:
    """Trust rejected credentials again: upstream may have been wrong, or the plan may have changed."""
    with transaction.atomic():
        _trust_credentials(workspace)
        record_event(
            Action.WORKSPACE_CHANGED,
            actor,
            workspace=workspace,
            subject=(workspace.slug, workspace.name),
            message="Rejected credentials are tried again.",
        )


def remove_workspace(workspace: Workspace, actor: Actor) -> None:
    """Delete the workspace with its credentials and mirror. Nothing changes upstream; the audit trail stays."""
    with transaction.atomic():
        record_event(Action.WORKSPACE_REMOVED, actor, workspace=workspace, subject=(workspace.slug, workspace.name))
        workspace.delete()


def describe_workspace(workspace: Workspace, whoami: Whoami | None) -> None:
    """Store what upstream reports about the organization."""
    if whoami is None:
        return
    workspace.organization_id = sanitize_text(whoami.organization_id, 200)
    workspace.organization_name = sanitize_text(whoami.organization_name, 200)
    workspace.tier = sanitize_text(whoami.tier, 80)
    workspace.features = [sanitize_text(name, 100) for name in whoami.features or ()][:MOST_NAMES]
    workspace.scopes = [sanitize_text(name, 100) for name in whoami.scopes or ()][:MOST_NAMES]
    workspace.save(update_fields=["organization_id", "organization_name", "tier", "features", "scopes"])


def _store_api_key(workspace: Workspace, secret: Secret, report: ConnectionReport | None) -> None:
    text = secret.reveal()
    workspace.api_key = EncryptedValue.encrypt(secret)
    workspace.api_key_prefix, workspace.api_key_last4 = text[:10], text[-4:]
    _trust_api_key(workspace)
    workspace.api_key_accepted_at = clock.now() if report and report.whoami else None
    workspace.scopes = []  # those of another key; ``describe_workspace`` has the new one's
    workspace.save()


def _trust_credentials(workspace: Workspace) -> None:
    _trust_api_key(workspace)  # the caller may go on with this instance
    Workspace.objects.filter(pk=workspace.pk).update(**{f"api_key_{name}": v for name, v in TRUSTED_STATE.items()})
    ManagementSession.objects.filter(workspace=workspace).update(**TRUSTED_STATE)
    set_up_polls(Workspace.objects.get(pk=workspace.pk))


def _trust_api_key(workspace: Workspace) -> None:
    for name, value in TRUSTED_STATE.items():
        setattr(workspace, f"api_key_{name}", value)


def _store_session(
    workspace: Workspace, credentials: Credentials, report: ConnectionReport | None
) -> ManagementSession:
    pasted = credentials.session_token is not None
    expires_at: datetime | None = None
    if credentials.session_token is not None:
        expires_at = StaticSession(credentials.session_token).expires_at
    whoami = report.session_whoami if report else None
    session, _ = ManagementSession.objects.update_or_create(
        workspace=workspace,
        defaults={
            "kind": ManagementSession.Kind.PASTED if pasted else ManagementSession.Kind.CLERK,
            "token": EncryptedValue.encrypt(credentials.session_token) if credentials.session_token else None,
            "token_expires_at": expires_at,
            "frontend_api_url": "" if pasted else credentials.frontend_api_url,
            "session_id": "" if pasted else credentials.session_id,
            "client_token": EncryptedValue.encrypt(credentials.client_token) if credentials.client_token else None,
            "user_id": sanitize_text(whoami.user_id, 200) if whoami else "",
            "user_email": sanitize_text(whoami.user_email, 320) if whoami else "",
            "updated_at": clock.now(),
            **TRUSTED_STATE,
            "accepted_at": clock.now() if whoami else None,
        },
    )
    workspace.session = session
    return session


# Slugs that would collide with the path of a page.
RESERVED_SLUGS = {"connect"}


def _free_slug(name: str) -> str:
    """Return a slug for ``name`` that no workspace has."""
    base = slugify(name)[:70] or "workspace"
    taken = RESERVED_SLUGS | set(Workspace.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return next(slug for slug in candidates if slug not in taken)
