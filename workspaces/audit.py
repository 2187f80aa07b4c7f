"""The audit trail: one function that records, and who it records."""

from dataclasses import dataclass
from typing import Any, Self

import structlog
from django.http import HttpRequest

from workspaces.models import Action, AuditEvent, Outcome, User, Workspace
from workspaces.requests import client_ip


@dataclass(frozen=True)
class Actor:
    """Who gives a command and from where; without a user it is the console itself."""

    user: User | None = None
    ip_address: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the signed-in person behind ``request``."""
        return cls(
            user=request.user if isinstance(request.user, User) else None,
            ip_address=client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:300],
            request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
        )


CONSOLE = Actor()


def record_event(
    action: Action,
    actor: Actor,
    *,
    workspace: Workspace | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
    subject: tuple[str, str] = ("", ""),
    message: str = "",
    **details: Any,
) -> AuditEvent:
    """Append one event, right after the change that it tells of.

    ``subject`` is (id, label) of what was acted on. ``details`` must be JSON and must not hold secrets.
    """
    event = AuditEvent(
        action=action,
        outcome=outcome,
        workspace=workspace,
        workspace_name=workspace.name if workspace else "",
        actor=actor.user,
        actor_email=actor.user.email if actor.user else "",
        ip_address=actor.ip_address,
        user_agent=actor.user_agent,
        request_id=actor.request_id,
        subject_id=subject[0][:200],
        subject=subject[1][:300],
        message=message,
        details=details,
    )
    event.save()
    return event
