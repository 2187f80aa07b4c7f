from workspaces.models.audit import Action, AuditEvent, AuditHead, Outcome
from workspaces.models.heartbeat import Heartbeat
from workspaces.models.invitation import Invitation
from workspaces.models.mail import AccountMail
from workspaces.models.polling import Poll
from workspaces.models.session_limits import Limits, SessionLimits
from workspaces.models.user import User
from workspaces.models.workspace import ManagementSession, Membership, Role, Workspace

__all__ = [
    "AccountMail",
    "Action",
    "AuditEvent",
    "AuditHead",
    "Heartbeat",
    "Invitation",
    "Limits",
    "ManagementSession",
    "Membership",
    "Outcome",
    "Poll",
    "Role",
    "SessionLimits",
    "User",
    "Workspace",
]
