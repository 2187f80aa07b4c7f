"""When a key's log is read: often enough that nothing falls out of what upstream shows, and no oftener than needed."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

# The most that upstream shows of a key's request log; it has no cursor (``docs/cleanlist-api.md``, "Endpoints").
PAGE_ROWS = 500
SHORTEST_SECONDS = 10
# A key that upstream no longer accepts makes no traffic worth more.
INACTIVE_SECONDS = 6 * 3600
# The engine spreads polls by up to a tenth (``workspaces.polling.backoff``), which must not cost rows.
_SPREAD = 1.1
# Half a page, so that the rate may double between two readings.
_ROWS_BETWEEN = PAGE_ROWS / 2 / _SPREAD
# 480 rows are 8 minutes at 60 requests a minute, the most that one endpoint lets through on the usual plan.
_ROWS_UNSEEN = 480 / _SPREAD
# What is left of the rate limiter's share for people's own refreshes and for keys that turn busy.
_USABLE_SHARE = 0.8
_WINDOWS = (10, 50, 250)


def observed_rate(newest_first: Sequence[datetime], now: datetime) -> float:
    """Return the highest requests per second that a log page shows over its latest 10, 50, 250 or all rows."""
    windows = {*(rows for rows in _WINDOWS if rows < len(newest_first)), len(newest_first)} - {0}
    return max((_rate(rows, now - newest_first[rows - 1]) for rows in windows), default=0.0)


def _rate(rows: int, took: timedelta) -> float:
    # Not less than a second: upstream's clock may be ahead of ours, and some write whole seconds.
    return rows / max(1.0, took.total_seconds())


def longest_seconds(limit_per_minute: int) -> int:
    """Return how long a quiet key may go unread: 8 minutes with the engine's spread, less on plans with more."""
    return max(SHORTEST_SECONDS, math.floor(_ROWS_UNSEEN * 60 / max(60, limit_per_minute)))


def interval_for(rate: float, limit_per_minute: int, *, after_gap: bool = False) -> int:
    """Return the seconds until the next reading at ``rate`` requests a second: under half a page falls between.

    After a gap the rate was underestimated once, so the interval is halved. Never below ``SHORTEST_SECONDS``.
    """
    longest = longest_seconds(limit_per_minute)
    seconds = min(longest, _ROWS_BETWEEN / rate) if rate > 0 else longest
    return max(SHORTEST_SECONDS, math.floor(seconds / 2 if after_gap else seconds))


def affordable_seconds(moving_keys: int, share_per_minute: int, wanted_seconds: int) -> int:
    """Return how often keys in use can be read: as wanted, or as seldom as ``moving_keys`` fit into the share."""
    return max(wanted_seconds, math.ceil(60 * moving_keys / (_USABLE_SHARE * share_per_minute)))


def next_reading(last_read_at: datetime, interval_seconds: int, affordable: int, *, moved: bool) -> datetime:
    """Return when a key is due that was last read at ``last_read_at``; sooner where its count has ``moved`` since."""
    seconds = min(interval_seconds, affordable) if moved else interval_seconds
    return last_read_at + timedelta(seconds=seconds)
