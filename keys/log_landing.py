"""How a page of a key's request log becomes the mirror: new rows, gaps, counts, and when the next page is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cleanlist import RequestLogEntry
from keys import capture, gaps, rollups
from keys.models import ApiKey, LoggedRequest
from keys.models.request_log import OWN_USER_AGENT
from workspaces.models import Poll, Workspace
from workspaces.texts import plain_text

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Landed:
    """What a page brought: rows that were new, and whether rows before it were lost."""

    fresh: int
    found_gap: bool = False


def land_page(workspace: Workspace, upstream_id: str, rows: Iterable[RequestLogEntry], read_at: datetime) -> Landed:
    """Add the rows that are new to the key's log, with what follows from them; one landing of a workspace at a time.

    ``read_at`` is the moment before the call. The same page may land twice.
    """
    with transaction.atomic(savepoint=False):
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        key = ApiKey.objects.of(workspace).filter(upstream_id=upstream_id).first()
        if key is None:
            return Landed(0)
        page = {plain_text(row.id, 200): row for row in rows}
        known = _known(key, page)
        fresh = [_logged(key, upstream_id, row) for upstream_id, row in page.items() if upstream_id not in known]
        _store(fresh)
        found_gap = _found_gap(key, [row.created_at for row in page.values()], len(known), read_at)
        _count(key, fresh, read_at)
        rollups.add(key, fresh)
    return Landed(len(fresh), found_gap)


def land_requests(workspace: Workspace, upstream_id: str, rows: Iterable[RequestLogEntry]) -> int:
    """Land a page that was read just now; return how many rows were new."""
    return land_page(workspace, upstream_id, rows, timezone.now()).fresh


def _known(key: ApiKey, page: dict[str, RequestLogEntry]) -> set[str]:
    """Return the ids of the rows that are here, or were until they were pruned."""
    rows = LoggedRequest.objects.filter(key=key, upstream_id__in=list(page))
    pruned = {upstream_id for upstream_id, row in page.items() if _was_pruned(key, row)}
    return pruned | set(rows.values_list("upstream_id", flat=True))


def _was_pruned(key: ApiKey, row: RequestLogEntry) -> bool:
    return key.kept_from is not None and row.created_at < key.kept_from


def _store(rows: Sequence[LoggedRequest]) -> None:
    """Add rows that are known to be new, because only the holder of the workspace's lock adds any.

    PostgreSQL takes them by COPY, at twice the speed of an insert (``bench/log_ingest.py``).
    """
    if connection.vendor != "postgresql":
        LoggedRequest.objects.bulk_create(rows)
        return
    about = LoggedRequest._meta  # noqa: SLF001 - Django's documented way to ask
    names = [field.attname for field in about.concrete_fields if not field.primary_key]  # here also the columns' names
    command = f"COPY {about.db_table} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(command) as sink:
        for row in rows:
            sink.write_row([getattr(row, name) for name in names])


def _found_gap(key: ApiKey, page: Sequence[datetime], known: int, read_at: datetime) -> bool:
    """Store a gap where a full page holds nothing known although something was. The first page has none before it."""
    if known or len(page) < capture.PAGE_ROWS or key.captured_since is None:
        return False
    oldest, newest = min(page), max(page)
    log = LoggedRequest.objects.filter(key=key).newest_first()
    if log.filter(created_at__gt=newest).exists():
        return False  # an old page that comes late: a newer one has landed before it
    after = log.filter(created_at__lt=oldest).values_list("created_at", flat=True).first() or key.captured_since
    if after >= oldest:
        return False
    gaps.note(key, after, oldest, read_at)
    return True


def _count(key: ApiKey, fresh: Sequence[LoggedRequest], read_at: datetime) -> None:
    """Bring the key's counts up to date with the rows that were new."""
    if key.captured_since is None:
        key.captured_since = read_at
    key.captured_count += len(fresh)
    gaps.settle(key, [row.created_at for row in fresh], read_at)
    ApiKey.objects.filter(pk=key.pk).update(
        captured_since=key.captured_since,
        captured_count=key.captured_count,
        count_before=key.count_before,
        missed_count=key.missed_count,
    )


def reschedule(poll: Poll, times: Sequence[datetime], read_at: datetime, *, found_gap: bool) -> None:
    """Give the poll of a usable key's log the interval that the page's times ask for."""
    if poll.interval_seconds >= capture.INACTIVE_SECONDS:
        return
    rate = capture.observed_rate(sorted(times, reverse=True), read_at)
    poll.interval_seconds = capture.interval_for(rate, settings.RATE_LIMIT_PER_MINUTE, after_gap=found_gap)
    Poll.objects.filter(pk=poll.pk).update(interval_seconds=poll.interval_seconds)


def _logged(key: ApiKey, upstream_id: str, row: RequestLogEntry) -> LoggedRequest:
    agent = plain_text(row.user_agent, 2000)
    return LoggedRequest(
        key=key,
        workspace_id=key.workspace_id,
        upstream_id=upstream_id,
        method=plain_text(row.method, 16),
        path=plain_text(row.path, 4000),
        status_code=row.status_code if row.status_code is not None and 0 <= row.status_code < 1000 else None,
        duration_ms=None if row.duration_ms is None else max(0, min(round(row.duration_ms), 2**31 - 1)),
        ip_address=plain_text(row.ip_address, 64),
        user_agent=agent,
        created_at=row.created_at,
        is_own_call=agent.startswith(OWN_USER_AGENT),
    )
