"""The hash chain of the audit trail: each event's hash covers its content and the previous hash.

The hash is keyed (HMAC-SHA256, key derived from SECRET_KEY), so nobody who can write to the database but lacks the key
can rebuild the chain after changing, removing or inserting an event. The head stores the count and the last hash, which
reveals the removal of the newest events, and the anchor of the oldest events that pruning removed.

The database alone cannot reveal that events and head were restored together to an earlier valid state. For that, the
trail can be compared with a ``Known`` state that was stored elsewhere: a line of the log, or a signed anchor.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.crypto import salted_hmac

from core import clock
from workspaces.models import AuditEvent, AuditHead, User, Workspace

BATCH = 2000  # events per query

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
    """A defect in the trail: the event, and what is wrong with it."""

    event_id: int | None
    text: str


@dataclass(frozen=True)
class Known:
    """A past state of the trail: ``hash`` is that of event number ``count``, counted from the very first event."""

    count: int
    hash: str


@dataclass(frozen=True)
class Anchor:
    """A state of the trail, its time, and the console's signature of both."""

    known: Known
    at: datetime
    signature: str


def _content(event: AuditEvent) -> str:
    """Return the content that the hash covers, in the same form on every database."""
    values = {name: getattr(event, name) for name in COVERED}
    values["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def chain_hash(event: AuditEvent, previous: str, secret: str | None = None) -> str:
    """Return the hash of ``event``, which follows an event with the hash ``previous``."""
    return salted_hmac(SALT, previous + _content(event), secret=secret, algorithm="sha256").hexdigest()


def head_seal(head: AuditHead, secret: str | None = None) -> str:
    """Return the seal of ``head``, without which its counts and hashes could be forged together."""
    value = f"{head.count}:{head.last_hash}"
    if head.cut_count:  # not in seals of unpruned trails, so that older seals stay valid
        value += f":{head.cut_count}:{head.cut_hash}"
    return salted_hmac(f"{SALT}.head", value, secret=secret, algorithm="sha256").hexdigest()


def seal_head(head: AuditHead) -> None:
    """Seal and save ``head``; the caller must hold its lock."""
    head.seal = head_seal(head)
    head.save()


def locked_head() -> AuditHead:
    """Return the head, locked until the transaction ends, so that there is one writer at a time."""
    AuditHead.objects.get_or_create(pk=AuditHead.ONLY)
    return AuditHead.objects.select_for_update().get(pk=AuditHead.ONLY)


def _holds(expected: str, given: Iterator[str]) -> bool:
    return any(compare_digest(expected, candidate) for candidate in given)


def _secrets() -> list[str]:
    return [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def anchor_signature(known: Known, at: datetime, secret: str | None = None) -> str:
    """Return the console's signature that the trail was in the state ``known`` at that time."""
    value = f"{known.count}:{known.hash}:{at.astimezone(UTC).isoformat()}"
    return salted_hmac(f"{SALT}.anchor", value, secret=secret, algorithm="sha256").hexdigest()


def is_signed(anchor: Anchor) -> bool:
    """Return whether this console signed ``anchor``, with its current or a former SECRET_KEY."""
    return _holds(anchor.signature, (anchor_signature(anchor.known, anchor.at, secret) for secret in _secrets()))


def new_anchor() -> Anchor | Break | None:
    """Return a signed anchor of the trail's current state, or the defect of its head; None before the first event."""
    head = AuditHead.objects.filter(pk=AuditHead.ONLY).first()
    broken = next(_verify_record(head, AuditEvent.objects.exists()), None)
    if head is None or broken:
        return broken
    known, at = Known(head.count, head.last_hash), clock.now()
    return Anchor(known, at, anchor_signature(known, at))


def verify(known: Known | None = None) -> Iterator[Break]:
    """Check the whole trail and yield each defect: events that were changed, removed or inserted.

    With ``known``, also check that the trail continues from that state. Events written during the check are left out.
    """
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().filter(pk=AuditHead.ONLY).first()
        last = AuditEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    previous, cut = (head.cut_hash, head.cut_count) if head else ("", 0)
    if known:
        yield from _verify_cut(known, cut, previous)
    count = 0
    for event in _events(last):
        count += 1
        yield from _verify_event(event, previous)
        if known and cut + count == known.count and event.hash != known.hash:
            yield Break(
                event.pk, f"event number {known.count:,} is not the known one: the trail was cut and written anew"
            )
        previous = event.hash
    yield from _verify_head(head, count, previous)
    if known and cut + count < known.count:
        text = f"{known.count:,} events are known and {cut + count:,} are there: the trail was set back, or removed"
        yield Break(None, text)


def _events(last: int) -> Iterator[AuditEvent]:
    """Yield the events up to ``last``, oldest first, in batches, because a trail may not fit into memory."""
    events, after = AuditEvent.objects.filter(pk__lte=last).order_by("pk"), 0
    while batch := list(events.filter(pk__gt=after)[:BATCH]):
        yield from batch
        after = batch[-1].pk


def _verify_cut(known: Known, cut: int, cut_hash: str) -> Iterator[Break]:
    """Compare ``known`` with the anchor of the pruned events."""
    if known.count < cut:
        text = f"event number {known.count:,} is among the first {cut:,}, which prune_audit cut off: use a later one"
        yield Break(None, text)
    elif known.count == cut and known.hash != cut_hash:
        yield Break(None, f"event number {known.count:,}, the last that was cut off, was not the known one")


def _verify_event(event: AuditEvent, previous: str) -> Iterator[Break]:
    if event.previous_hash != previous:
        yield Break(event.pk, "an event before this one was removed, added or reordered")
    candidates = (chain_hash(event, event.previous_hash, secret) for secret in _secrets())
    if not _holds(event.hash, candidates):
        yield Break(event.pk, "the event was changed after it was written")


def _verify_record(head: AuditHead | None, any_event: bool) -> Iterator[Break]:
    """Check that the head exists, if it must, and that its seal is valid."""
    if head is None:
        if any_event:
            yield Break(None, "the record of how long the trail is was removed")
        elif User.objects.exists() or Workspace.objects.exists():
            yield Break(None, "no event is there, although accounts or workspaces are: the whole trail was removed")
    elif not _holds(head.seal, (head_seal(head, secret) for secret in _secrets())):
        yield Break(None, "the record of how long the trail is was changed")


def _verify_head(head: AuditHead | None, count: int, last_hash: str) -> Iterator[Break]:
    yield from _verify_record(head, count > 0)
    if head is not None and (head.count - head.cut_count, head.last_hash) != (count, last_hash):
        written = head.count - head.cut_count
        yield Break(None, f"{written} events were written and {count} are there: the newest were cut off or added")
