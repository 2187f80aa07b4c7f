"""When to read a key's log: often enough that no row leaves upstream's page unseen, but no more often than needed."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

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
