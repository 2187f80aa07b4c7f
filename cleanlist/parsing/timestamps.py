"""Parses timestamps in any usual form, and credits."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

# The first and last day of the calendar overflow in some time zones, so timestamps are clamped to the days next to
# them.
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
# Numbers larger than this are milliseconds since 1970, not seconds.
_SECONDS_UNTIL_5138 = 100_000_000_000
# No enrichment costs this much.
_MAX_CREDITS = 10**12


def parse_timestamp(value: object) -> datetime | None:
    """Parse ISO 8601, or seconds or milliseconds since 1970, as aware UTC; None for anything else."""
    if isinstance(value, int | float) and abs(value) > _SECONDS_UNTIL_5138:
        value /= 1000
    try:
        timestamp = msgspec.convert(value, datetime, strict=False)
        return to_utc(timestamp)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None


def to_utc(timestamp: datetime) -> datetime:
    """Return ``timestamp`` in UTC (a naive one is UTC), clamped to EARLIEST and LATEST. Raises OverflowError."""
    aware = timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp.astimezone(UTC)
    return min(max(aware, EARLIEST), LATEST)


def parse_credits(value: object) -> Decimal | None:
    """Parse a non-negative number of credits; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        amount = msgspec.convert(str(value) if isinstance(value, float) else value, Decimal, strict=False)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None
    return amount if amount.is_finite() and 0 <= amount < _MAX_CREDITS else None
