"""The hash chain of the audit trail: each event's hash covers its content and the hash before it.

A keyed hash (HMAC-SHA256, key derived from SECRET_KEY), so that whoever can write to the database but does not hold the
key cannot rebuild the chain after changing, removing or inserting an event. The head keeps count and last hash, so
that cutting off the newest events is noticed too, and the anchor of what retention cut off at the other end.
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


def head_seal(head: AuditHead, secret: str | None = None) -> str:
    """Return the seal of ``head``, without which its counts and hashes could be set back together."""
    value = f"{head.count}:{head.last_hash}"
    if head.cut_count:  # heads from before retention keep their seal
        value += f":{head.cut_count}:{head.cut_hash}"
    return salted_hmac(f"{SALT}.head", value, secret=secret, algorithm="sha256").hexdigest()


def seal_head(head: AuditHead) -> None:
    """Seal and store ``head``, whose lock the caller holds."""
    head.seal = head_seal(head)
    head.save()


def locked_head() -> AuditHead:
    """Return the head with its lock, inside a transaction: one writer at a time."""
    AuditHead.objects.get_or_create(pk=AuditHead.ONLY)
    return AuditHead.objects.select_for_update().get(pk=AuditHead.ONLY)


def _holds(expected: str, given: Iterator[str]) -> bool:
    return any(compare_digest(expected, candidate) for candidate in given)


def _secrets() -> list[str]:
    return [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def verify() -> Iterator[Break]:
    """Walk the whole trail and yield each place where it was changed, cut or added to."""
    head = AuditHead.objects.filter(pk=AuditHead.ONLY).first()
    previous, count = (head.cut_hash if head else ""), 0
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=2000):
        count += 1
        yield from _verify_event(event, previous)
        previous = event.hash
    yield from _verify_head(head, count, previous)


def _verify_event(event: AuditEvent, previous: str) -> Iterator[Break]:
    if event.previous_hash != previous:
        yield Break(event.pk, "an event before this one was removed, added or reordered")
    candidates = (chain_hash(event, event.previous_hash, secret) for secret in _secrets())
    if not _holds(event.hash, candidates):
        yield Break(event.pk, "the event was changed after it was written")


def _verify_head(head: AuditHead | None, count: int, last_hash: str) -> Iterator[Break]:
    if head is None:
        if count:
            yield Break(None, "the record of how long the trail is was removed")
        return
    if not _holds(head.seal, (head_seal(head, secret) for secret in _secrets())):
        yield Break(None, "the record of how long the trail is was changed")
    written = head.count - head.cut_count
    if (written, head.last_hash) != (count, last_hash):
        yield Break(None, f"{written} events were written and {count} are there: the newest were cut off or added")
