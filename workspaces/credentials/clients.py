"""Creates clients that call upstream with a workspace's credentials."""

import threading
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import redis
import structlog
from django.conf import settings

from cleanlist import ApiKeyCredential, AsyncClient, ClerkSession, Client, Connections, Secret, StaticSession
from cleanlist.errors import SessionExpired
from core.encryption import DecryptionError, EncryptedValue
from workspaces.models import ManagementSession, Workspace
from workspaces.polling import rate_limiter
from workspaces.polling.registry import CredentialKind

logger = structlog.get_logger(__name__)


class NotConnected(Exception):
    """The workspace has no usable credential for this call; the message says which one to enter, and where."""


class AddressNotAllowed(Exception):
    """The URL is not in CLEANLIST_API_ORIGINS, so credentials must not be sent to it."""


_clerk_sessions: dict[tuple[int, datetime], ClerkSession] = {}
_clerk_lock = threading.Lock()


class SharedToken:
    """One stored session's token in Redis, encrypted like stored secrets. Without Redis, each process has its own."""

    def __init__(self, session: ManagementSession) -> None:
        # Saving the session again, with another cookie, changes the name.
        self._name = f"session-token:{session.pk}:{session.updated_at.timestamp()}"

    def load(self) -> Secret | None:
        try:
            kept: Any = rate_limiter.connection().get(self._name)
            return EncryptedValue(kept.decode("ascii", "replace")).decrypt() if kept else None
        except (redis.RedisError, DecryptionError) as error:
            logger.info("session_token_not_shared", error=type(error).__name__)
            return None

    def save(self, token: Secret, seconds: float) -> None:
        sealed = EncryptedValue.encrypt(token).ciphertext
        try:
            rate_limiter.connection().set(self._name, sealed, px=max(1, int(1000 * seconds)))
        except redis.RedisError as error:
            logger.info("session_token_not_shared", error=type(error).__name__)


def check_api_origin(url: str) -> None:
    """Raise AddressNotAllowed unless CLEANLIST_API_ORIGINS lists the origin of ``url``."""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}".lower() not in settings.CLEANLIST_API_ORIGINS:
        raise AddressNotAllowed(
            f"This console isn't allowed to send credentials to {parts.scheme}://{parts.netloc}. "
            "Its operator can allow the address with the setting CLEANLIST_API_ORIGINS."
        )


def _clerk_session(session: ManagementSession) -> ClerkSession:
    """Return this process's Clerk session, which is kept: a token is minted once a minute, not for each call."""
    key = (session.pk, session.updated_at)
    with _clerk_lock:
        if key not in _clerk_sessions:
            for old in [other for other in _clerk_sessions if other[0] == session.pk]:
                del _clerk_sessions[old]
            cookie = session.client_token.decrypt()
            _clerk_sessions[key] = ClerkSession(
                session.frontend_api_url, session.session_id, cookie, cache=SharedToken(session)
            )
        return _clerk_sessions[key]


def session_credential(workspace: Workspace) -> StaticSession | ClerkSession:
    """Return the credential for key management.

    Raises NotConnected, SessionExpired, AddressNotAllowed or DecryptionError.
    """
    session = workspace.management_session
    if session is None:
        raise NotConnected("No management session is stored. Add one in the workspace's settings.")
    if session.rejected_at is not None:
        raise SessionExpired(session.rejection or "Cleanlist no longer accepts the stored management session.")
    if session.kind == ManagementSession.Kind.CLERK:
        check_api_origin(session.frontend_api_url)
        return _clerk_session(session)
    return StaticSession(session.token.decrypt())


def api_key_credential(workspace: Workspace) -> ApiKeyCredential:
    """Return the workspace's API key as a credential. Raises NotConnected or DecryptionError."""
    if workspace.api_key is None:
        raise NotConnected("No API key is stored. Add one in the workspace's settings.")
    if workspace.api_key_rejected_at is not None:
        raise NotConnected("Cleanlist rejected the stored API key. Replace it in the workspace's settings.")
    return ApiKeyCredential(workspace.api_key.decrypt())


def management_client(workspace: Workspace) -> Client:
    """Return a client for the key management endpoints, for use as a context manager.

    Raises NotConnected, SessionExpired, AddressNotAllowed or DecryptionError.
    """
    check_api_origin(workspace.base_url)
    return Client(workspace.base_url, session_credential(workspace))


def reading_client(workspace: Workspace) -> Client:
    """Return a client that uses the API key and does not retry, for use as a context manager.

    Raises NotConnected, AddressNotAllowed or DecryptionError.
    """
    check_api_origin(workspace.base_url)
    return Client(workspace.base_url, api_key_credential(workspace), retries=0)


def polling_client(workspace: Workspace, kind: CredentialKind, connections: Connections) -> AsyncClient:
    """Return an async client for a poll. It does not retry, because the engine backs off itself.

    Raises NotConnected, SessionExpired, AddressNotAllowed or DecryptionError.
    """
    check_api_origin(workspace.base_url)
    credential = api_key_credential(workspace) if kind == "api_key" else session_credential(workspace)
    return AsyncClient(workspace.base_url, credential, retries=0, connections=connections)
