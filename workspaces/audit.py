"""The audit trail: one function that records, and who it records."""

from dataclasses import dataclass
from typing import Any, Self

import structlog
from django.db import transaction
from django.http import HttpRequest

from workspaces.chain import chain_hash, locked_head, seal_head
from workspaces.models import Action, AuditEvent, Outcome, User, Workspace
from workspaces.requests import client_ip
from workspaces.texts import plain_json, plain_text


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
        workspace_name=plain_text(workspace.name, 80) if workspace else "",
        actor=actor.user,
        actor_email=actor.user.email if actor.user else "",
        ip_address=actor.ip_address,
        user_agent=plain_text(actor.user_agent, 300),
        request_id=plain_text(actor.request_id, 64),
        subject_id=plain_text(subject[0], 200),
        subject=plain_text(subject[1], 300),
        message=plain_text(message, 5000),
        details=plain_json(details),
    )
    _append(event)
    return event


def _append(event: AuditEvent) -> None:
    """Chain ``event`` to the one before it; the head's lock lets one writer append at a time."""
    with transaction.atomic():
        head = locked_head()
        event.previous_hash = head.last_hash
        event.hash = chain_hash(event, head.last_hash)
        event.save()
        head.count, head.last_hash = head.count + 1, event.hash
        seal_head(head)
