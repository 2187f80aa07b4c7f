"""Commands that change workspaces: one function each, which also writes the audit event."""

from workspaces.services.connection_check import Check, ConnectionReport, check_connection, compare_organizations
from workspaces.services.connections import (
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
from workspaces.services.polling import RefreshResult, pause_polling, refresh, refresh_by_hand, resume_polling

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
    "refresh_by_hand",
    "remove_api_key",
    "remove_session",
    "remove_workspace",
    "rename_workspace",
    "replace_api_key",
    "replace_session",
    "resume_polling",
    "retry_credentials",
]
