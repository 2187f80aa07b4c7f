"""How a page of a key's request log becomes the mirror: new rows, gaps, counts, and when the next page is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cleanlist import RequestLogEntry
from keys import capture, gaps, rollups
from keys.log import storing, values
from keys.log.storing import NewRow, new_row
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Poll, Workspace
from workspaces.texts import plain_text


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
        _lock(workspace)
        key = ApiKey.objects.of(workspace).filter(upstream_id=upstream_id).first()
        if key is None:
            return Landed(0)
        page = {plain_text(row.id, 200): row for row in rows}
        times = [row.created_at for row in page.values()]
        known = _known(key, page, times)
        fresh = [new_row(upstream_id, row) for upstream_id, row in page.items() if upstream_id not in known]
        storing.store(key, fresh)
        found_gap = _found_gap(key, times, len(known), read_at)
        _count(key, fresh, read_at)
        rollups.add(key, fresh)
        values.note(key.pk, key.workspace_id, fresh)
    return Landed(len(fresh), found_gap)


def land_requests(workspace: Workspace, upstream_id: str, rows: Iterable[RequestLogEntry]) -> int:
    """Land a page that was read just now; return how many rows were new."""
    return land_page(workspace, upstream_id, rows, timezone.now()).fresh


def _lock(workspace: Workspace) -> None:
    """Let no other page of the workspace land meanwhile. Apart from what is read then: that must be as of now."""
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM workspaces_workspace WHERE id = %s FOR NO KEY UPDATE", [workspace.pk])


def _known(key: ApiKey, page: dict[str, RequestLogEntry], times: Sequence[datetime]) -> set[str]:
    """Return the ids of the rows that are here, or were until they were pruned."""
    if not page:
        return set()
    known = storing.known(key, list(page), min(times), max(times))
    if key.kept_from is not None and min(times) < key.kept_from:
        known |= {upstream_id for upstream_id, row in page.items() if row.created_at < key.kept_from}
    return known


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


def _count(key: ApiKey, fresh: Sequence[NewRow], read_at: datetime) -> None:
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
