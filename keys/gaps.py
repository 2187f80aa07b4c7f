"""What is missing of a key's log: gaps where a page met nothing known, sized by upstream's request_count."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from keys.models import ApiKey, LogGap

# While so young, a difference to request_count is taken for what had left the log before: upstream's list and log
# are read one after the other, and rows of requests that were still running come late.
BASELINE_SETTLES = timedelta(minutes=5)
logger = structlog.get_logger(__name__)


def note(key: ApiKey, after: datetime, before: datetime, detected_at: datetime) -> LogGap:
    """Store that nothing is known of ``key`` between two captured rows; its size follows from a later key list."""
    logger.warning("log_gap", key=str(key.key_id), after=after.isoformat(), before=before.isoformat())
    return LogGap.objects.create(key=key, after=after, before=before, detected_at=detected_at)


def settle(key: ApiKey, gaps: list[LogGap], fresh: Sequence[datetime], newer: int, read_at: datetime) -> None:
    """Compare counts after a page of ``key`` read at ``read_at`` has landed; sets count_before and missed_count.

    ``gaps`` are those in its log, oldest first. Only what upstream had counted before the page was read can be missing
    from it, so a key list that is newer than the page waits for the next one; and what was captured counts as far as
    the list can have counted it: up to the last use that it told, after which ``newer`` rows are stored besides
    ``fresh``. The caller saves the key.
    """
    _fill(gaps, fresh)
    if key.request_count is None or key.read_at > read_at:
        return
    lost = key.request_count
    if key.last_used_at is not None:
        lost -= key.captured_count - newer - sum(at > key.last_used_at for at in fresh)
    if not gaps and _is_young(key, read_at):
        key.count_before = max(key.count_before or 0, lost)
    lost -= key.count_before or 0
    _size(gaps, lost, key.last_used_at)
    key.missed_count = max(0, lost, sum(gap.size or 0 for gap in gaps))


def _is_young(key: ApiKey, read_at: datetime) -> bool:
    since = key.captured_since
    return key.count_before is None or since is None or read_at - since < BASELINE_SETTLES


def _fill(gaps: Sequence[LogGap], fresh: Sequence[datetime]) -> None:
    """Shrink gaps by rows that came after all, as when two pages land in the wrong order."""
    for gap in gaps:
        found = sum(gap.after < at < gap.before for at in fresh)
        if gap.size and found:
            gap.size = max(0, gap.size - found)
            gap.save(update_fields=["size"])


def _size(gaps: list[LogGap], lost: int, counted_until: datetime | None) -> None:
    """Give gaps without a size their part of ``lost``, by duration; a gap that turns out to be empty was none."""
    if counted_until is None:
        return
    unsized = [gap for gap in gaps if gap.size is None and gap.before <= counted_until]
    left = max(0, lost - sum(gap.size or 0 for gap in gaps))
    while unsized:
        gap = unsized.pop()
        rest = sum(((other.before - other.after) for other in unsized), timedelta())
        gap.size = round(left * ((gap.before - gap.after) / (gap.before - gap.after + rest))) if rest else left
        left -= gap.size
        if gap.size:
            gap.save(update_fields=["size"])
        else:
            gaps.remove(gap)
            gap.delete()
