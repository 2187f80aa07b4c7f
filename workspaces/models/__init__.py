from workspaces.models.audit import Action, AuditEvent, AuditHead, Outcome
from workspaces.models.invitation import Invitation
from workspaces.models.polling import Heartbeat, Poll
from workspaces.models.user import AccountMail, Limits, SessionLimits, User
from workspaces.models.workspace import ManagementSession, Membership, Milestone, Role, Workspace

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
    "Milestone",
    "Outcome",
    "Poll",
    "Role",
    "SessionLimits",
    "User",
    "Workspace",
]
