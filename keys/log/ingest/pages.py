"""How a page of a key's request log becomes the mirror: new rows, gaps, counts, and when the next page is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction

from cleanlist import RequestLogEntry
from core import clock
from core.db.sql import Statement, adapt_uuid, execute_batch
from core.sanitize import sanitize_text
from keys.log.ingest import facets, gaps, rollups, schedule
from keys.log.ingest import rows as storing
from keys.log.ingest.rollups import EVERYTHING, count_rows
from keys.log.ingest.rows import NewRow, new_row
from keys.log.ingest.state import Known, RowName, known_of, standing_of
from keys.models import ApiKey, LogGap, LoggedRequest
from workspaces.models import Poll, Workspace
from workspaces.polling import meters

_SAVED = ("captured_count", "count_before", "missed_count", "settled_count", "count_restarted_at")
_SAVE_COUNTS = f"UPDATE keys_apikey SET {', '.join(f'{name} = %s' for name in _SAVED)} WHERE id = %s"  # noqa: S608


@dataclass(frozen=True)
class IngestResult:
    """What a page brought: rows that were new, and whether rows before it were lost."""

    fresh: int
    found_gap: bool = False


def ingest_page(
    workspace: Workspace, upstream_id: str, rows: Sequence[RequestLogEntry], read_at: datetime, sent: int = 0
) -> IngestResult:
    """Add the rows that are new to the key's log, with what follows from them; one landing of a workspace at a time.

    ``read_at`` is the moment before the call, ``sent`` how many rows upstream sent where not all could be read. The
    same page may land twice.
    """
    with transaction.atomic(savepoint=False):
        standing = standing_of(workspace, upstream_id)
        if standing is None:
            return IngestResult(0)
        key, endpoints = standing.key, set(standing.endpoints)
        page = {(row_id, row.created_at): row for row in rows if (row_id := sanitize_text(row.id, 200))}
        known = _known(key, set(page), read_at)
        fresh = [new_row(name[0], row) for name, row in page.items() if name not in known.names]
        with storing.stored(key, fresh):
            cells, seen = count_rows(fresh, endpoints), facets.observed_in(fresh)
        transaction.on_commit(partial(_count_classes, workspace.pk, cells))
        is_full = max(sent, len(rows)) >= schedule.PAGE_ROWS
        found_gap = (is_full or key.captured_count > 0) and _found_gap(key, set(page), known.names, read_at)
        key_gaps = list(LogGap.objects.of(key)) if standing.has_gaps or found_gap else []
        _count(key, key_gaps, fresh, known.newer, read_at, odd=max(0, sent - len(rows)))
        rollups.record_endpoints(key, endpoints - standing.endpoints)
        execute_batch(
            _saving(key), *rollups.add_statements(key, cells), *facets.record_statements(key.pk, key.workspace_id, seen)
        )
    return IngestResult(len(fresh), found_gap)


def _count_classes(workspace: int, cells: rollups.Rollups) -> None:
    """Count the customer's new requests by their class of status, for ``/metrics``."""
    for cell, one in cells.items():
        if cell.endpoint == EVERYTHING:
            meters.count_of_workspace(workspace, f"{cell.status_class}xx" if cell.status_class else "none", one.count)


def ingest_latest_page(workspace: Workspace, upstream_id: str, rows: Sequence[RequestLogEntry]) -> int:
    """Land a page that was read just now; return how many rows were new."""
    return ingest_page(workspace, upstream_id, rows, clock.now()).fresh


def _known(key: ApiKey, page: set[RowName], read_at: datetime) -> Known:
    """Return what of the page is here, or was until it was pruned."""
    if not page:
        return Known(set(), 0)
    known = known_of(key, page, read_at)
    if key.kept_from is not None:
        known.names |= {name for name in page if name[1] < key.kept_from}
    return known


def _found_gap(key: ApiKey, page: set[RowName], known: set[RowName], read_at: datetime) -> bool:
    """Store a gap where a page holds nothing known although something was. The first page has none before it."""
    latest = read_at + gaps.MOST_AHEAD
    # Where all are ahead it is upstream's clock that is, and its times are as good as any.
    sound = {name for name in page if name[1] <= latest} or page
    if not sound or known & sound or key.captured_since is None:
        return False
    times = [at for _, at in sound]
    oldest, newest = min(times), max(times)
    log = LoggedRequest.objects.filter(key=key).newest_first()
    if log.filter(created_at__gt=newest, created_at__lte=latest).exists():
        return False  # an old page that comes late: a newer one has landed before it
    after = log.filter(created_at__lt=oldest).values_list("created_at", flat=True).first() or key.captured_since
    if after >= oldest:
        return False
    gaps.note(key, after, oldest, read_at)
    return True


def _count(
    key: ApiKey, key_gaps: list[LogGap], fresh: Sequence[NewRow], newer: int, read_at: datetime, *, odd: int
) -> None:
    """Bring the key's counts up to date with the rows that were new."""
    if key.captured_since is None:
        key.captured_since = read_at
        ApiKey.objects.filter(pk=key.pk).update(captured_since=read_at)
    key.captured_count += len(fresh)
    gaps.settle(key, key_gaps, [row.created_at for row in fresh], newer, read_at, odd=odd)


def _saving(key: ApiKey) -> Statement:
    """Return what saves the key's counts."""
    return _SAVE_COUNTS, [*(getattr(key, name) for name in _SAVED), adapt_uuid(key.pk)]


def reschedule(poll: Poll, times: Sequence[datetime], read_at: datetime, *, found_gap: bool) -> None:
    """Give the poll of a usable key's log the interval that the page's times ask for."""
    if poll.interval_seconds >= schedule.INACTIVE_SECONDS:
        return
    rate = schedule.observed_rate(sorted(times, reverse=True), read_at)
    poll.interval_seconds = schedule.interval_for(rate, settings.RATE_LIMIT_PER_MINUTE, after_gap=found_gap)
    Poll.objects.filter(pk=poll.pk).update(interval_seconds=poll.interval_seconds)
