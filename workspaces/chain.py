"""The hash chain of the audit trail: each event's hash covers its content and the hash before it.

A keyed hash (HMAC-SHA256, key derived from SECRET_KEY), so that whoever can write to the database but does not hold the
key cannot rebuild the chain after changing, removing or inserting an event. The head keeps count and last hash, so
that cutting off the newest events is noticed too.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from hmac import compare_digest

from django.conf import settings
from django.utils.crypto import salted_hmac

from workspaces.models import AuditEvent, AuditHead

SALT = "workspaces.audit.chain"
COVERED = (
    "workspace_id",
    "workspace_name",
    "actor_id",
    "actor_email",
    "action",
    "outcome",
    "subject_id",
    "subject",
    "message",
    "details",
    "ip_address",
    "user_agent",
    "request_id",
)


@dataclass(frozen=True)
class Break:
    """One place where the trail is not what was written: which event, and what is wrong with it."""

    event_id: int | None
    text: str


def _content(event: AuditEvent) -> str:
    """Return what the hash covers, in one form whatever the database."""
    values = {name: getattr(event, name) for name in COVERED}
    values["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def chain_hash(event: AuditEvent, previous: str, secret: str | None = None) -> str:
    """Return the hash of ``event`` after an event whose hash was ``previous``."""
    return salted_hmac(SALT, previous + _content(event), secret=secret, algorithm="sha256").hexdigest()


def head_seal(count: int, last_hash: str, secret: str | None = None) -> str:
    """Return the seal of a head, without which count and last hash could be set back together."""
    return salted_hmac(f"{SALT}.head", f"{count}:{last_hash}", secret=secret, algorithm="sha256").hexdigest()


def _holds(expected: str, given: Iterator[str]) -> bool:
    return any(compare_digest(expected, candidate) for candidate in given)


def _secrets() -> list[str]:
    return [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def verify() -> Iterator[Break]:
    """Walk the whole trail and yield each place where it was changed, cut or added to."""
    previous, count = "", 0
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=2000):
        count += 1
        if event.previous_hash != previous:
            yield Break(event.pk, "an event before this one was removed, added or reordered")
        candidates = (chain_hash(event, event.previous_hash, secret) for secret in _secrets())
        if not _holds(event.hash, candidates):
            yield Break(event.pk, "the event was changed after it was written")
        previous = event.hash
    yield from _verify_head(count, previous)


def _verify_head(count: int, last_hash: str) -> Iterator[Break]:
    head = AuditHead.objects.filter(pk=AuditHead.ONLY).first()
    if head is None:
        if count:
            yield Break(None, "the record of how long the trail is was removed")
        return
    seals = (head_seal(head.count, head.last_hash, secret) for secret in _secrets())
    if not _holds(head.seal, seals):
        yield Break(None, "the record of how long the trail is was changed")
    if (head.count, head.last_hash) != (count, last_hash):
        yield Break(None, f"{head.count} events were written and {count} are there: the newest were cut off or added")
