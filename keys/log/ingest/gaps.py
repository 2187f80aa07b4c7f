"""What is missing of a key's log: gaps where a page met nothing known, sized by upstream's request_count."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db.models import Sum

from keys.models import ApiKey, LogGap

# While so young, a difference to request_count is taken for what had left the log before: upstream's list and log
# are read one after the other, and rows of requests that were still running come late.
BASELINE_SETTLES = timedelta(minutes=5)
# A row dated further ahead of its reading is a mistake of upstream's. It says nothing of what was read before or after.
MOST_AHEAD = timedelta(minutes=10)
_MOST = 2**63 - 1  # that a column holds
logger = structlog.get_logger(__name__)


def latest_sound(key: ApiKey, read_at: datetime) -> datetime:
    """Return until when dates of rows are believed that were read at ``read_at``: a use that upstream told is one."""
    return max(read_at, key.last_used_at or read_at) + MOST_AHEAD


def note(key: ApiKey, after: datetime, before: datetime, detected_at: datetime) -> LogGap:
    """Store that nothing is known of ``key`` between two captured rows; its size follows from a later key list."""
    logger.warning("log_gap", key=str(key.key_id), after=after.isoformat(), before=before.isoformat())
    sized: int = LogGap.objects.filter(key=key).aggregate(sized=Sum("size"))["sized"] or 0
    elsewhere = max(0, key.missed_count - sized)
    return LogGap.objects.create(key=key, after=after, before=before, detected_at=detected_at, missing_before=elsewhere)


def settle(
    key: ApiKey, gaps: list[LogGap], fresh: Sequence[datetime], newer: int, read_at: datetime, *, odd: int = 0
) -> None:
    """Compare counts after a page of ``key`` read at ``read_at`` has landed; sets what came of it on the key.

    ``gaps`` are those in its log, oldest first. Only what upstream had counted before the page was read can be missing
    from it, so a key list that is newer than the page waits for the next one; and what was captured counts as far as
    the list can have counted it: up to the last use that it told, after which ``newer`` rows are stored besides
    ``fresh``. ``odd`` rows of the page could not be read, so they are missing too, and had not left the log before. The
    caller saves the key.
    """
    key.missed_count = max(0, key.missed_count - _fill(gaps, fresh))
    if key.request_count is None or key.read_at > read_at:
        return
    lost = key.request_count
    if key.last_used_at is not None:
        latest = latest_sound(key, read_at)
        lost -= key.captured_count - newer - sum(key.last_used_at < at <= latest for at in fresh)
    if _has_restarted(key, lost):
        logger.warning("request_count_restarted", key=str(key.key_id), was=key.settled_count, now=key.request_count)
        key.count_before, key.count_restarted_at = max(-_MOST, lost - key.missed_count), read_at
    elif not gaps and _is_young(key, read_at):
        key.count_before = max(key.count_before or 0, lost - odd)
    key.settled_count = key.request_count
    lost -= key.count_before or 0
    # What was missing when the counter restarted cannot be told from it any more.
    countable = [gap for gap in gaps if key.count_restarted_at is None or gap.detected_at > key.count_restarted_at]
    _size(gaps, countable, lost, key.last_used_at)
    key.missed_count = min(_MOST, max(0, lost, sum(gap.size or 0 for gap in gaps)))


def _has_restarted(key: ApiKey, lost: int) -> bool:
    """Say whether upstream counts from a lower number than before, though no less of what it counted is here.

    The count alone may go back a little where an older list comes late, but then its last use is older too.
    """
    return key.count_went_back and lost - (key.count_before or 0) < key.missed_count


def _is_young(key: ApiKey, read_at: datetime) -> bool:
    since = key.captured_since
    return key.count_before is None or since is None or read_at - since < BASELINE_SETTLES


def _fill(gaps: list[LogGap], fresh: Sequence[datetime]) -> int:
    """Shrink gaps by rows that came after all, as when two pages land in the wrong order, and remove those filled.

    Returns how many of the rows had been counted as missing.
    """
    missing = sum(gap.size or 0 for gap in gaps)
    changed: dict[int, LogGap] = {}
    for gap in gaps:
        found = 0 if gap.size is None else sum(gap.after < at < gap.before for at in fresh)
        # What a guess had too little of, others had too much of.
        for one in [gap, *(other for other in gaps if gap.is_estimate and other.is_estimate and other is not gap)]:
            taken = min(found, one.size or 0)
            if taken:
                found, one.size = found - taken, (one.size or 0) - taken
                changed[one.pk] = one
    LogGap.objects.bulk_update(changed.values(), ["size"])
    is_all_found = not any(gap.size for gap in gaps if gap.is_estimate)
    _remove(gaps, [gap for gap in gaps if gap.size == 0 and (is_all_found or not gap.is_estimate)])
    return missing - sum(gap.size or 0 for gap in gaps)


def _size(gaps: list[LogGap], countable: list[LogGap], lost: int, counted_until: datetime | None) -> None:
    """Give ``countable`` gaps without a size what is ``lost`` beside the others and what was missing before them.

    It is a guess by duration if they are several. What nothing is lost for turns out to have been no gap.
    """
    if counted_until is None:
        return
    begun = [gap for gap in countable if gap.size is None and gap.after < counted_until]
    unsized = [gap for gap in begun if gap.before <= counted_until]
    left = min(_MOST, max(0, lost - sum(gap.size or 0 for gap in gaps)))
    if not left:
        _remove(gaps, unsized)
        return
    if not unsized or unsized != begun:
        return  # a part may lie in the gap in which the count ends, so the next list is waited for
    elsewhere = min(gap.missing_before for gap in unsized)
    if left > elsewhere:  # else what was missing has come after all
        left -= elsewhere
    total = sum((gap.before - gap.after for gap in unsized), timedelta())
    for number, gap in enumerate(unsized, start=1):
        span, gap.is_estimate = gap.before - gap.after, len(unsized) > 1 or elsewhere > 0
        gap.size = left if number == len(unsized) else round(left * (span / total))
        left, total = left - gap.size, total - span
    LogGap.objects.bulk_update(unsized, ["size", "is_estimate"])


def _remove(gaps: list[LogGap], empty: list[LogGap]) -> None:
    if empty:
        LogGap.objects.filter(pk__in=[gap.pk for gap in empty]).delete()
        gaps[:] = [gap for gap in gaps if gap not in empty]
