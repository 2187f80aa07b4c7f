"""What changes workspaces: one function a verb, each writes its audit event."""

from workspaces.services.checking import Check, ConnectionReport, check_connection, compare_organizations
from workspaces.services.connecting import (
    Credentials,
    connect_workspace,
    describe_workspace,
    remove_api_key,
    remove_session,
    remove_workspace,
    rename_workspace,
    replace_api_key,
    replace_session,
    retry_credentials,
)
from workspaces.services.pausing import pause_polling, resume_polling
from workspaces.services.refreshing import RefreshResult, refresh

__all__ = [
    "Check",
    "ConnectionReport",
    "Credentials",
    "RefreshResult",
    "check_connection",
    "compare_organizations",
    "connect_workspace",
    "describe_workspace",
    "pause_polling",
    "refresh",
    "remove_api_key",
    "remove_session",
    "remove_workspace",
    "rename_workspace",
    "replace_api_key",
    "replace_session",
    "resume_polling",
    "retry_credentials",
]
