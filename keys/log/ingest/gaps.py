"""Gaps in a key's log: how they are avoided, recorded and sized.

A log is read often enough that no row leaves upstream's page unseen, but no more often than needed. Where a page does
not overlap captured rows all the same, there is a gap, which upstream's request_count sizes.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db.models import Sum

from keys.models import ApiKey, LogGap

# The most rows that upstream returns of a key's request log; there is no cursor (``docs/cleanlist-api.md``,
# "Endpoints").
PAGE_ROWS = 500
SHORTEST_SECONDS = 10
# A key that upstream no longer accepts has no traffic worth reading more often.
INACTIVE_SECONDS = 6 * 3600
# The engine varies intervals by up to a tenth (``workspaces.polling.ingest``), which must not lose rows.
_SPREAD = 1.1
# Half a page, so that the rate may double between two readings without loss.
_ROWS_BETWEEN = PAGE_ROWS / 2 / _SPREAD
# 480 rows are 8 minutes at 60 requests a minute, the most that one endpoint allows on the usual plan.
_ROWS_UNSEEN = 480 / _SPREAD
# The part of the rate limiter's share used here; the rest is for manual refreshes and for keys that become busy.
_USABLE_SHARE = 0.8
_WINDOWS = (10, 50, 250)
# While the mirror is younger than this, a difference to request_count counts as requests that had left the log before
# the first reading: upstream's list and log are read one after the other, and rows of requests still running appear
# late.
BASELINE_SETTLES = timedelta(minutes=5)
# A row dated further ahead than this is upstream's mistake, and proves nothing about what was read before or after.
MOST_AHEAD = timedelta(minutes=10)
_MOST = 2**63 - 1  # the largest number that fits into the column
logger = structlog.get_logger(__name__)


# --- when to read ---------------------------------------------------------------------------------------------


def observed_rate(newest_first: Sequence[datetime], now: datetime) -> float:
    """Return the highest request rate per second over the latest 10, 50, 250 or all rows of a log page."""
    windows = {*(rows for rows in _WINDOWS if rows < len(newest_first)), len(newest_first)} - {0}
    return max((_rate(rows, now - newest_first[rows - 1]) for rows in windows), default=0.0)


def _rate(rows: int, took: timedelta) -> float:
    # At least a second: upstream's clock may be ahead of ours, and times may be in whole seconds.
    return rows / max(1.0, took.total_seconds())


def longest_seconds(limit_per_minute: int) -> int:
    """Return how long a quiet key may go unread: under 8 minutes, and less on plans with higher limits."""
    return max(SHORTEST_SECONDS, math.floor(_ROWS_UNSEEN * 60 / max(60, limit_per_minute)))


def interval_for(rate: float, limit_per_minute: int, *, after_gap: bool = False) -> int:
    """Return the seconds until the next reading, so that fewer than half a page of rows arrive at ``rate`` per second.

    After a gap the interval is halved, because the rate was underestimated. Never below ``SHORTEST_SECONDS``.
    """
    longest = longest_seconds(limit_per_minute)
    seconds = min(longest, _ROWS_BETWEEN / rate) if rate > 0 else longest
    return max(SHORTEST_SECONDS, math.floor(seconds / 2 if after_gap else seconds))


def affordable_seconds(moving_keys: int, share_per_minute: int, wanted_seconds: int) -> int:
    """Return the interval for keys in use: ``wanted_seconds``, or longer if ``moving_keys`` would exceed the share."""
    return max(wanted_seconds, math.ceil(60 * moving_keys / (_USABLE_SHARE * share_per_minute)))


def next_reading(last_read_at: datetime, interval_seconds: int, affordable: int, *, moved: bool) -> datetime:
    """Return when a key's log is due again; sooner if its count has ``moved`` since the last reading."""
    seconds = min(interval_seconds, affordable) if moved else interval_seconds
    return last_read_at + timedelta(seconds=seconds)


# --- what was missed ------------------------------------------------------------------------------------------


def latest_plausible(key: ApiKey, read_at: datetime) -> datetime:
    """Return the latest believable date of rows read at ``read_at``, given the last use that upstream reports."""
    return max(read_at, key.last_used_at or read_at) + MOST_AHEAD


def record(key: ApiKey, after: datetime, before: datetime, detected_at: datetime) -> LogGap:
    """Store a gap between two captured rows of ``key``. A later key list determines its size."""
    logger.warning("log_gap", key=str(key.key_id), after=after.isoformat(), before=before.isoformat())
    sized: int = LogGap.objects.filter(key=key).aggregate(sized=Sum("size"))["sized"] or 0
    elsewhere = max(0, key.missed_count - sized)
    return LogGap.objects.create(key=key, after=after, before=before, detected_at=detected_at, missing_before=elsewhere)


def reconcile(
    key: ApiKey, gaps: list[LogGap], new: Sequence[datetime], newer: int, read_at: datetime, *, unreadable: int = 0
) -> None:
    """Compare upstream's count with the log of ``key`` after ingesting a page that was read at ``read_at``.

    Sets the key's counts, which the caller saves, and the sizes of its ``gaps``, given oldest first. ``new`` holds the
    times of the rows that the page added. Only requests that upstream counted before the page was read can be missing
    from it, so if the key list is newer than the page, this waits for the next page. Captured rows count up to the last
    use in that list; ``newer`` rows after it were stored earlier. ``unreadable`` rows of the page are missing too, but
    had not left the log before.
    """
    key.missed_count = max(0, key.missed_count - _fill(gaps, new))
    if key.request_count is None or key.read_at > read_at:
        return
    lost = key.request_count
    if key.last_used_at is not None:
        latest = latest_plausible(key, read_at)
        lost -= key.captured_count - newer - sum(key.last_used_at < at <= latest for at in new)
    if _has_restarted(key, lost):
        logger.warning("request_count_restarted", key=str(key.key_id), was=key.settled_count, now=key.request_count)
        key.count_before, key.count_restarted_at = max(-_MOST, lost - key.missed_count), read_at
    elif not gaps and _is_young(key, read_at):
        key.count_before = max(key.count_before or 0, lost - unreadable)
    key.settled_count = key.request_count
    lost -= key.count_before or 0
    # A restarted counter says nothing about requests that were missing before.
    countable = [gap for gap in gaps if key.count_restarted_at is None or gap.detected_at > key.count_restarted_at]
    _size(gaps, countable, lost, key.last_used_at)
    key.missed_count = min(_MOST, max(0, lost, sum(gap.size or 0 for gap in gaps)))


def _has_restarted(key: ApiKey, lost: int) -> bool:
    """Return whether upstream's counter restarted: it is lower than before although no captured row is gone.

    An older list that arrives late may lower the count a little, but then its last use is older too.
    """
    return key.count_went_back and lost - (key.count_before or 0) < key.missed_count


def _is_young(key: ApiKey, read_at: datetime) -> bool:
    since = key.captured_since
    return key.count_before is None or since is None or read_at - since < BASELINE_SETTLES


def _fill(gaps: list[LogGap], new: Sequence[datetime]) -> int:
    """Shrink gaps by rows that arrived after all, e.g. because pages were ingested out of order; remove filled gaps.

    Returns how many of the rows had been counted as missing.
    """
    missing = sum(gap.size or 0 for gap in gaps)
    changed: dict[int, LogGap] = {}
    for gap in gaps:
        found = 0 if gap.size is None else sum(gap.after < at < gap.before for at in new)
        # If one estimate was too low, the others were too high.
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
    """Give ``countable`` gaps without a size the ``lost`` requests not attributed to other gaps or missing before.

    Several such gaps share them by duration, as an estimate. A gap in which nothing was lost is removed.
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
        return  # some may lie in the gap in which the count ends, so the next list is needed
    elsewhere = min(gap.missing_before for gap in unsized)
    if left > elsewhere:  # otherwise the requests missing before have arrived after all
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
