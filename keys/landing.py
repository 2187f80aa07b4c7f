"""How what upstream answered becomes the mirror. Each function may be run twice with the same answer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from cleanlist import ApiKey as UpstreamKey
from cleanlist import PublicApiKey, RequestLogEntry
from keys import reconciling
from keys.models import ApiKey, LoggedRequest
from keys.models.key import key_uuid
from keys.models.request_log import OWN_USER_AGENT
from workspaces.models import Poll, Workspace
from workspaces.texts import plain_text

REQUESTS = "requests"
# A key that upstream no longer accepts makes no traffic worth a poll a minute.
INACTIVE_INTERVAL_SECONDS = 6 * 3600


def land_full_list(workspace: Workspace, listed: list[UpstreamKey], read_at: datetime) -> None:
    """Upsert every listed key, mark those that are gone, and see to the polls of their request logs."""
    session = workspace.management_session
    owner = (session.user_email or session.user_id) if session else ""
    facts = {
        key.id: {
            "name": plain_text(key.name, 200),
            "prefix": plain_text(key.key_prefix, 16),
            "last4": plain_text(key.key_last4, 8),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "request_count": key.request_count,
            "is_active": key.is_active,
            "in_full": True,
            "owner": owner,
        }
        for key in listed
    }
    _upsert(workspace, facts, read_at)
    _schedule_request_logs(workspace)
    reconciling.settle_unknown_creations(workspace, read_at)


def land_light_list(workspace: Workspace, listed: list[PublicApiKey], read_at: datetime) -> None:
    """Upsert what the light list tells; what it does not tell stays as last known."""
    facts: dict[str, dict[str, Any]] = {}
    for key in listed:
        known: dict[str, Any] = {
            "prefix": plain_text(key.key_prefix, 16),
            "last4": plain_text(key.key_last4, 8),
            "is_active": key.is_active,
        }
        optional = {
            "name": plain_text(key.name, 200),
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
        }
        facts[key.key_id] = known | {name: value for name, value in optional.items() if value}
    _upsert(workspace, facts, read_at, in_full=False)


def _upsert(workspace: Workspace, facts: dict[str, dict[str, Any]], read_at: datetime, *, in_full: bool = True) -> None:
    """Write ``facts`` by upstream id in a constant number of statements; facts read before the row are stale."""
    known = {key.upstream_id: key for key in ApiKey.objects.of(workspace)}
    rows: list[ApiKey] = []
    for upstream_id, values in facts.items():
        key = known.get(upstream_id)
        if key is None:
            defaults = {"first_seen_at": read_at, "in_full": in_full, "key_id": key_uuid(upstream_id)}
            key = ApiKey(workspace=workspace, upstream_id=upstream_id, **defaults)
        elif key.read_at > read_at:
            continue
        _apply(key, values, read_at)
        rows.append(key)
    columns = {name for values in facts.values() for name in values}
    ApiKey.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["workspace", "upstream_id"],
        update_fields=sorted(columns | {"read_at", "gone_at", "revoked_at"}),
    )
    missing = [key.pk for upstream_id, key in known.items() if upstream_id not in facts]
    ApiKey.objects.filter(pk__in=missing, gone_at__isnull=True, read_at__lte=read_at).update(
        gone_at=read_at, is_active=False
    )


def _apply(key: ApiKey, values: dict[str, Any], read_at: datetime) -> None:
    was_active = key.is_active and not key._state.adding  # noqa: SLF001 - Django's documented way to ask
    for name, value in values.items():
        setattr(key, name, value)
    key.read_at, key.gone_at = read_at, None
    if was_active and not key.is_active and not key.is_expired and key.revoked_at is None:
        key.revoked_at = read_at  # when the mirror noticed; who did it is known for the console's own commands only


def _schedule_request_logs(workspace: Workspace) -> None:
    """See that each listed key has a poll of its request log, slow for keys that upstream refuses."""
    keys = list(ApiKey.objects.of(workspace).filter(gone_at__isnull=True))
    polls = {poll.subject: poll for poll in workspace.polls.filter(resource=REQUESTS)}
    Poll.objects.bulk_create(
        [
            Poll(
                workspace=workspace,
                resource=REQUESTS,
                subject=key.upstream_id,
                interval_seconds=_log_interval(key),
            )
            for key in keys
            if key.upstream_id not in polls
        ],
        ignore_conflicts=True,
    )
    for key in keys:
        poll = polls.pop(key.upstream_id, None)
        if poll is not None and poll.interval_seconds != _log_interval(key):
            # One more look right away: the last requests before a revocation belong in the log.
            Poll.objects.filter(pk=poll.pk).update(interval_seconds=_log_interval(key), next_run_at=timezone.now())
    if polls:
        Poll.objects.filter(pk__in=[poll.pk for poll in polls.values()]).delete()


def _log_interval(key: ApiKey) -> int:
    return settings.POLL_REQUESTS_SECONDS if key.is_usable else INACTIVE_INTERVAL_SECONDS


def land_requests(workspace: Workspace, upstream_id: str, rows: Iterable[RequestLogEntry]) -> int:
    """Add the rows that are new to the key's log; return how many were."""
    key = ApiKey.objects.of(workspace).filter(upstream_id=upstream_id).first()
    if key is None:
        return 0
    candidates = [_logged(key, row) for row in rows]
    known = set(
        LoggedRequest.objects.filter(key=key, upstream_id__in=[row.upstream_id for row in candidates]).values_list(
            "upstream_id", flat=True
        )
    )
    fresh = [row for row in candidates if row.upstream_id not in known]
    LoggedRequest.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def _logged(key: ApiKey, row: RequestLogEntry) -> LoggedRequest:
    agent = plain_text(row.user_agent, 2000)
    return LoggedRequest(
        key=key,
        upstream_id=plain_text(row.id, 200),
        method=plain_text(row.method, 16),
        path=plain_text(row.path, 4000),
        status_code=row.status_code if row.status_code is not None and 0 <= row.status_code < 1000 else None,
        duration_ms=None if row.duration_ms is None else max(0, min(round(row.duration_ms), 2**31 - 1)),
        ip_address=plain_text(row.ip_address, 64),
        user_agent=agent,
        created_at=row.created_at,
        is_own_call=agent.startswith(OWN_USER_AGENT),
    )
