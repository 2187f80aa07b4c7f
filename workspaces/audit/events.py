"""The audit trail: one function that records, and who it records.

Each event is also one line of JSON in the log, once it is committed: what is shipped elsewhere stays there when the
database is set back. The line tells which event it is, not all of it: no message and no details.
"""

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import structlog
from django.db import transaction
from django.http import HttpRequest

from core.client_ip import client_ip
from core.sanitize import sanitize_json, sanitize_text
from workspaces.audit.chain import Break, chain_hash, locked_head, new_anchor, seal_head
from workspaces.models import Action, AuditEvent, AuditHead, Outcome, User, Workspace


@dataclass(frozen=True)
class Actor:
    """Who gives a command and from where; without a user it is the console itself, or what ``name`` says."""

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
        """Return whoever runs ``command`` on a machine of the console: they may do everything there anyway."""
        try:
            account = getpass.getuser()
        except (KeyError, OSError):  # in a container the account may have no name
            account = f"user {os.getuid()}"
        return cls(name="command line", user_agent=f"{command}, by {account} on {socket.gethostname()}")


CONSOLE = Actor()
# Its lines are JSON in every format and at every level of the log (config.log.configuration).
log = structlog.get_logger("audit")


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


_heads: ContextVar[list[AuditHead] | None] = ContextVar("audit_heads", default=None)  # none before the first event


@contextmanager
def many_events() -> Iterator[None]:
    """Have all events within this block share one change of the head, at its end, and its lock from the first on.

    PostgreSQL keeps every version of a row until its transaction ends and looks through all of them at each change, so
    that thirty thousand events would take minutes for that alone. If anything within the block is rolled back, all of
    it must be: the head in memory has counted it.
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
    """Chain ``event`` to the one before it; the head's lock lets one writer append at a time."""
    shared = _heads.get()
    # Within ``many_events`` all of it is one transaction already, and a savepoint for each would be two queries more.
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
    """Write the line; ``count`` and ``hash`` together are what ``verify_audit --expect`` takes."""
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
    """Write a signed line on the state of the trail, for ``verify_audit --expect``; say so if that does not hold."""
    anchor = new_anchor()
    if isinstance(anchor, Break):
        log.error("audit_trail_broken", problem=anchor.text)
    elif anchor:
        known, at = anchor.known, anchor.at.isoformat()
        log.info("audit_anchor", count=known.count, hash=known.hash, at=at, signature=anchor.signature)
