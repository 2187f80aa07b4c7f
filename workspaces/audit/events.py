"""Records audit events.

After the commit, each event is also logged as a line of JSON: a copy of the log that is kept elsewhere survives when
the database is restored to an earlier state. The line identifies the event but has neither message nor details.
"""

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Self

import structlog
from django.db import transaction
from django.http import HttpRequest

from core.net.client_ip import client_ip
from core.sanitize import sanitize_json, sanitize_text
from workspaces.audit.chain import Break, chain_hash, locked_head, new_anchor, seal_head
from workspaces.models import Action, AuditEvent, AuditHead, Outcome, User, Workspace


@dataclass(frozen=True)
class Actor:
    """Who gives a command, and from where. Without a user it is the console itself, or ``name``."""

    user: User | None = None
    ip_address: str | None = None
    user_agent: str = ""
    request_id: str = ""
    name: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the signed-in person behind ``request``."""
        return cls(
            user=request.user if isinstance(request.user, User) else None,
            ip_address=client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:300],
            request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
        )

    @classmethod
    def of_command(cls, command: str) -> Self:
        """Return the actor for a command line user, who may do everything on that machine anyway."""
        try:
            account = getpass.getuser()
        except (KeyError, OSError):  # in a container the user may have no name
            account = f"user {os.getuid()}"
        return cls(name="command line", user_agent=f"{command}, by {account} on {socket.gethostname()}")


CONSOLE = Actor()
# Logs JSON whatever the configured format and level (config.log.configuration).
log = structlog.get_logger("audit")


def record_event(
    action: Action,
    actor: Actor,
    *,
    workspace: Workspace | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
    subject: tuple[str, str] = ("", ""),
    message: str = "",
    **details: object,
) -> AuditEvent:
    """Append an event; call it right after the change that it records.

    ``subject`` is (id, label). ``details`` must be JSON and must not hold secrets.
    """
    event = AuditEvent(
        action=action,
        outcome=outcome,
        workspace=workspace,
        workspace_name=sanitize_text(workspace.name, 80) if workspace else "",
        actor=actor.user,
        actor_email=actor.user.email if actor.user else sanitize_text(actor.name, 254),
        ip_address=actor.ip_address,
        user_agent=sanitize_text(actor.user_agent, 300),
        request_id=sanitize_text(actor.request_id, 64),
        subject_id=sanitize_text(subject[0], 200),
        subject=sanitize_text(subject[1], 300),
        message=sanitize_text(message, 5000),
        details=sanitize_json(details),
    )
    _append(event)
    return event


# Within ``many_events``: the locked head, or an empty list before the first event.
_heads: ContextVar[list[AuditHead] | None] = ContextVar("audit_heads", default=None)


@contextmanager
def many_events() -> Iterator[None]:
    """Save the head only once for all events in this block, at its end. The first event locks it.

    PostgreSQL keeps every version of a row until the transaction ends and scans them all at each update, which would
    take minutes for thirty thousand events. If anything in the block is rolled back, the whole block must be, because
    the head in memory has counted it.
    """
    heads: list[AuditHead] = []
    with transaction.atomic():
        before = _heads.set(heads)
        try:
            yield
        finally:
            _heads.reset(before)
        for head in heads:
            seal_head(head)


def _append(event: AuditEvent) -> None:
    """Chain ``event`` to the previous one; the head's lock allows one writer at a time."""
    shared = _heads.get()
    # ``many_events`` has its own transaction, in which a savepoint for each event would cost two more queries.
    with nullcontext() if shared is not None else transaction.atomic():
        head = shared[0] if shared else locked_head()
        event.previous_hash = head.last_hash
        event.hash = chain_hash(event, head.last_hash)
        event.save()
        head.count, head.last_hash = head.count + 1, event.hash
        if shared is None:
            seal_head(head)
        else:
            shared[:] = [head]
        transaction.on_commit(partial(_log, event, head.count), robust=True)


def _log(event: AuditEvent, count: int) -> None:
    """Log the event; ``verify_audit --expect`` accepts ``count`` and ``hash``."""
    log.info(
        "audit_event",
        count=count,
        hash=event.hash,
        id=event.pk,
        at=event.at.isoformat(),
        action=str(event.action),
        outcome=str(event.outcome),
        workspace_id=event.workspace_id,
        workspace=event.workspace_name,
        actor_id=event.actor_id,
        actor=event.actor_email,
        ip=event.ip_address,
        subject_id=event.subject_id,
        subject=event.subject,
        request_id=event.request_id,
    )


def log_anchor() -> None:
    """Log a signed anchor of the trail for ``verify_audit --expect``, or an error if its head is defective."""
    anchor = new_anchor()
    if isinstance(anchor, Break):
        log.error("audit_trail_broken", problem=anchor.text)
    elif anchor:
        known, at = anchor.known, anchor.at.isoformat()
        log.info("audit_anchor", count=known.count, hash=known.hash, at=at, signature=anchor.signature)
