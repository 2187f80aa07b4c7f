"""Reads points in time and credits in whatever form an undocumented field has them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

# No time zone names the days at the ends of the calendar as a whole: what lies there is taken for the day beside it.
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
# Seconds since 1970 that are larger than this are milliseconds.
_SECONDS_UNTIL_5138 = 100_000_000_000
# No enrichment can cost as much; what claims to is no number of credits.
_MOST_CREDITS = 10**12


def moment_of(value: Any) -> datetime | None:
    """Read ISO 8601, or seconds or milliseconds since 1970, as aware UTC; None for anything else."""
    if isinstance(value, int | float) and abs(value) > _SECONDS_UNTIL_5138:
        value /= 1000
    try:
        moment = msgspec.convert(value, datetime, strict=False)
        return in_utc(moment)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None


def in_utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC, where it is without an offset too, from EARLIEST to LATEST. Raises OverflowError."""
    known = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return min(max(known, EARLIEST), LATEST)


def credits_of(value: Any) -> Decimal | None:
    """Read a number of credits that is 0 or more; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        found = msgspec.convert(str(value) if isinstance(value, float) else value, Decimal, strict=False)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None
    return found if found.is_finite() and 0 <= found < _MOST_CREDITS else None
