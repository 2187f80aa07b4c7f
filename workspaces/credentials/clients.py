"""From a workspace to a client that can call upstream with one of its credentials."""

import threading
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from cleanlist import ApiKeyCredential, AsyncClient, ClerkSession, Client, Connections, StaticSession
from cleanlist.errors import SessionExpired
from workspaces.models import ManagementSession, Workspace
from workspaces.polling.registry import CredentialKind


class NotConnected(Exception):
    """The workspace holds no credential for this call; the message says which one and where to enter it."""


class AddressNotAllowed(Exception):
    """Credentials may only be sent to the addresses in CLEANLIST_API_ORIGINS."""


_clerk_sessions: dict[tuple[int, datetime], ClerkSession] = {}
_clerk_lock = threading.Lock()


def check_api_origin(url: str) -> None:
    """Raise AddressNotAllowed unless the operator listed the origin of ``url``."""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}".lower() not in settings.CLEANLIST_API_ORIGINS:
        raise AddressNotAllowed(
            f"This console may not send credentials to {parts.scheme}://{parts.netloc}. "
            "Whoever runs it can allow the address with the setting CLEANLIST_API_ORIGINS."
        )


def _clerk_session(session: ManagementSession) -> ClerkSession:
    """Return the minting session of this process: kept, so that a token is minted once a minute, not once a call."""
    key = (session.pk, session.updated_at)
    with _clerk_lock:
        if key not in _clerk_sessions:
            for old in [other for other in _clerk_sessions if other[0] == session.pk]:
                del _clerk_sessions[old]
            _clerk_sessions[key] = ClerkSession(
                session.frontend_api_url, session.session_id, session.client_token.decrypt()
            )
        return _clerk_sessions[key]


def session_credential(workspace: Workspace) -> StaticSession | ClerkSession:
    """Return what key management authenticates with. Raises NotConnected or SessionExpired."""
    session = workspace.management_session
    if session is None:
        raise NotConnected("No management session is stored. Add one in the workspace's settings.")
    if session.rejected_at is not None:
        raise SessionExpired(session.rejection or "Upstream no longer accepts the stored management session.")
    if session.kind == ManagementSession.Kind.CLERK:
        check_api_origin(session.frontend_api_url)
        return _clerk_session(session)
    return StaticSession(session.token.decrypt())


def api_key_credential(workspace: Workspace) -> ApiKeyCredential:
    """Return the workspace's API key as a credential. Raises NotConnected."""
    if workspace.api_key is None:
        raise NotConnected("No API key is stored. Add one in the workspace's settings.")
    if workspace.api_key_rejected_at is not None:
        raise NotConnected("Upstream rejected the stored API key. Replace it in the workspace's settings.")
    return ApiKeyCredential(workspace.api_key.decrypt())


def management_client(workspace: Workspace) -> Client:
    """Return a client for the key management endpoints, for use as a context manager.

    Raises NotConnected, SessionExpired or AddressNotAllowed.
    """
    check_api_origin(workspace.base_url)
    return Client(workspace.base_url, session_credential(workspace))


def reading_client(workspace: Workspace) -> Client:
    """Return a client for what the API key may read, for use as a context manager. It does not retry.

    Raises NotConnected, AddressNotAllowed or DecryptionError.
    """
    check_api_origin(workspace.base_url)
    return Client(workspace.base_url, api_key_credential(workspace), retries=0)


def polling_client(workspace: Workspace, kind: CredentialKind, connections: Connections) -> AsyncClient:
    """Return the async client that a poll uses. The engine has its own backoff, so the client does not retry.

    Raises NotConnected, SessionExpired or AddressNotAllowed.
    """
    check_api_origin(workspace.base_url)
    credential = api_key_credential(workspace) if kind == "api_key" else session_credential(workspace)
    return AsyncClient(workspace.base_url, credential, retries=0, connections=connections)
