"""Live calls of the checks: few, short, counted against the rate limit, and never one that spends credits."""

from collections.abc import Callable
from typing import TypeVar

from cleanlist import ApiKeyCredential, Client, Credential, Timeouts
from cleanlist.errors import CleanlistError
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, NotConnected, check_api_origin, session_credential
from workspaces.models import Workspace
from workspaces.polling import rate_limiter

T = TypeVar("T")
# Somebody is waiting: that a call takes longer is a result as well.
TIMEOUTS = Timeouts(connect=3.0, read=8.0, total=10.0)
FAILURES = (CleanlistError, NotConnected, AddressNotAllowed, DecryptionError)


def stored_api_key(workspace: Workspace) -> ApiKeyCredential:
    """Return the stored API key, also one that upstream has refused: a person wants to know what it says now.

    Raises NotConnected or DecryptionError.
    """
    if workspace.api_key is None:
        raise NotConnected("No API key is stored. Add one in the workspace's settings.")
    return ApiKeyCredential(workspace.api_key.decrypt())


def call_upstream(
    workspace: Workspace,
    endpoint: str,
    call: Callable[[Client], T],
    *,
    credential: Callable[[Workspace], Credential] = stored_api_key,
) -> T:
    """Make one call with the workspace's API key, or another ``credential`` of it. Raises one of FAILURES."""
    check_api_origin(workspace.base_url)
    found = credential(workspace)
    rate_limiter.record([(workspace.rate_limited_as, endpoint)])
    with Client(workspace.base_url, found, retries=0, timeouts=TIMEOUTS) as client:
        return call(client)


def call_with_session(workspace: Workspace, endpoint: str, call: Callable[[Client], T]) -> T:
    """Make one call with the management session. Raises one of FAILURES."""
    return call_upstream(workspace, endpoint, call, credential=session_credential)
