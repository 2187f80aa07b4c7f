"""Reads points in time and credits in whatever form an undocumented field has them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

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
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None


def credits_of(value: Any) -> Decimal | None:
    """Read a number of credits that is 0 or more; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        found = msgspec.convert(str(value) if isinstance(value, float) else value, Decimal, strict=False)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None
    return found if found.is_finite() and 0 <= found < _MOST_CREDITS else None
