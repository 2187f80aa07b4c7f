"""Ingests upstream's key lists into the mirror. Each function may run twice with the same answer."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from cleanlist import ApiKey as UpstreamKey
from cleanlist import PublicApiKey
from cleanlist.models import JsonObject
from core import clock
from core.sanitize import sanitize_text
from keys import lost_creations
from keys.log.ingest import gaps
from keys.models import ApiKey
from keys.models.key import key_uuid
from workspaces.models import Poll, Workspace
from workspaces.polling import rate_limiter
from workspaces.polling.registry import REQUEST_LOG


def ingest_full_list(
    workspace: Workspace, listed: Sequence[UpstreamKey], read_at: datetime, *, is_complete: bool = True
) -> None:
    """Upsert every listed key, mark missing ones as gone, and update the polls of their request logs.

    Ids must be storable unchanged (``keys.polls``). If the list is incomplete, because records in it could not be read,
    no key is marked as gone.
    """
    session = workspace.management_session
    owner = (session.user_email or session.user_id) if session else ""
    facts = {
        key.id: {
            "name": sanitize_text(key.name, 200),
            "prefix": sanitize_text(key.key_prefix, 16),
            "last4": sanitize_text(key.key_last4, 8),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "request_count": _counted(key.request_count),
            "is_active": key.is_active,
            "in_full": True,
            "owner": owner,
        }
        for key in listed
    }
    with transaction.atomic(savepoint=False):
        listed_keys = _upsert(workspace, facts, read_at, is_complete=is_complete)
        lost_creations.resolve_unknown(workspace, min(read_at, clock.cached_now()), is_complete=is_complete)
    _schedule_request_logs(workspace, listed_keys)


def ingest_light_list(
    workspace: Workspace, listed: Sequence[PublicApiKey], read_at: datetime, *, is_complete: bool = True
) -> None:
    """Upsert the fields in the light list; other fields keep their values."""
    facts: dict[str, dict[str, object]] = {}
    for key in listed:
        known: dict[str, object] = {
            "prefix": sanitize_text(key.key_prefix, 16),
            "last4": sanitize_text(key.key_last4, 8),
            "is_active": key.is_active,
        }
        optional = {
            "name": sanitize_text(key.name, 200),
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
        }
        facts[key.key_id] = known | {name: value for name, value in optional.items() if value}
    _upsert(workspace, facts, read_at, in_full=False, is_complete=is_complete)


def _counted(value: int | None) -> int | None:
    """Return ``value`` if it is a valid count that fits into the column, otherwise None."""
    return value if value is not None and 0 <= value < 2**63 else None


def _upsert(
    workspace: Workspace,
    facts: dict[str, JsonObject],
    read_at: datetime,
    *,
    in_full: bool = True,
    is_complete: bool = True,
) -> list[ApiKey]:
    """Write ``facts`` by upstream id in a fixed number of statements; skip facts that were read before the row.

    Returns the keys that upstream lists, as they are now.

    The lock allows one ingest or command per workspace at a time, so that what it has read of the mirror stays true.
    """
    with transaction.atomic(savepoint=False):
        Workspace.objects.lock(workspace.pk)
        now = clock.now()
        read_at = min(read_at, now)
        known = {key.upstream_id: key for key in ApiKey.objects.of(workspace)}
        changed: list[ApiKey] = []
        same: list[ApiKey] = []
        for upstream_id, values in facts.items():
            key = known.get(upstream_id)
            if key is None:
                defaults = {"first_seen_at": read_at, "in_full": in_full, "key_id": key_uuid(upstream_id)}
                key = known[upstream_id] = ApiKey(workspace=workspace, upstream_id=upstream_id, **defaults)
            elif key.is_known_since(read_at, now):
                continue
            (changed if _apply(key, values, read_at) else same).append(key)
        _store(changed, {name for values in facts.values() for name in values})
        if same:
            ApiKey.objects.filter(pk__in=[key.pk for key in same]).update(read_at=read_at)
        there = {upstream_id: key for upstream_id, key in known.items() if key.gone_at is None}
        missing = [key for upstream_id, key in there.items() if upstream_id not in facts and is_complete]
        missing = [key for key in missing if not key.is_known_since(read_at, now)]
        if missing:
            ApiKey.objects.filter(pk__in=[key.pk for key in missing]).update(gone_at=read_at, is_active=False)
    return [key for key in there.values() if key not in missing]


def _store(rows: list[ApiKey], columns: set[str]) -> None:
    ApiKey.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["workspace", "upstream_id"],
        update_fields=sorted(columns | {"read_at", "gone_at", "revoked_at", "revoked_by"}),
    )


def _apply(key: ApiKey, values: dict[str, object], read_at: datetime) -> bool:
    """Set ``values`` on ``key``; return whether more than the time of reading changed."""
    before = vars(key).copy()
    was_active = key.is_active and not key._state.adding  # noqa: SLF001 - Django's documented way to ask
    for name, value in values.items():
        setattr(key, name, value)
    key.read_at, key.gone_at = read_at, None
    if key.is_active:
        key.revoked_at = key.revoked_by = None  # revocation is final, so the key was not revoked
    if was_active and not key.is_active and not key.is_expired and key.revoked_at is None:
        key.revoked_at = read_at  # when the mirror noticed; only for the console's own commands is it known who did it
    return key._state.adding or vars(key) | {"read_at": before["read_at"]} != before  # noqa: SLF001 - as above


def _schedule_request_logs(workspace: Workspace, keys: Sequence[ApiKey]) -> None:
    """Ensure that each listed key has a poll of its request log, due soon if its count has increased."""
    now = clock.cached_now()
    polls = {poll.subject: poll for poll in workspace.polls.filter(resource=REQUEST_LOG)}
    Poll.objects.bulk_create(
        [
            Poll(
                workspace=workspace,
                resource=REQUEST_LOG,
                subject=key.upstream_id,
                interval_seconds=_first_interval(key),
                next_run_at=now,
                paused_reason=workspace.pause,
            )
            for key in keys
            if key.upstream_id not in polls
        ],
        ignore_conflicts=True,
    )
    known = [(key, polls.pop(key.upstream_id)) for key in keys if key.upstream_id in polls]
    _bring_forward(known, now)
    if polls:
        Poll.objects.filter(pk__in=[poll.pk for poll in polls.values()]).delete()


def _bring_forward(known: list[tuple[ApiKey, Poll]], now: datetime) -> None:
    """Bring forward the polls of keys that were used or changed status; never postpone a poll."""
    moved = sum(key.uncaptured_count > 0 for key, _ in known)
    affordable = gaps.affordable_seconds(moved, rate_limiter.share(), settings.POLL_REQUESTS_SECONDS)
    changed = [poll for key, poll in known if _hurry(key, poll, affordable, now)]
    Poll.objects.reschedule(changed)


def _hurry(key: ApiKey, poll: Poll, affordable: int, now: datetime) -> bool:
    """Set when ``poll`` runs next; return whether that changed. A failing poll keeps its backoff."""
    if key.is_usable != (poll.interval_seconds < gaps.INACTIVE_SECONDS):
        # Read once more at once: the last requests before a revocation belong in the log.
        poll.interval_seconds, poll.next_run_at = _first_interval(key), now
        return True
    moved = key.uncaptured_count > 0
    if not moved or poll.consecutive_failures or poll.last_success_at is None:
        return False
    due = gaps.next_reading(poll.last_success_at, poll.interval_seconds, affordable, moved=True)
    if due >= poll.next_run_at:
        return False
    poll.next_run_at = due
    return True


def _first_interval(key: ApiKey) -> int:
    limit = settings.RATE_LIMIT_PER_MINUTE
    return gaps.longest_seconds(limit) if key.is_usable else gaps.INACTIVE_SECONDS
