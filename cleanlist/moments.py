"""Reads points in time in whatever form an undocumented field has them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

# Seconds since 1970 that are larger than this are milliseconds.
_SECONDS_UNTIL_5138 = 100_000_000_000


def moment_of(value: Any) -> datetime | None:
    """Read ISO 8601, or seconds or milliseconds since 1970, as aware UTC; None for anything else."""
    if isinstance(value, int | float) and abs(value) > _SECONDS_UNTIL_5138:
        value /= 1000
    try:
        moment = msgspec.convert(value, datetime, strict=False)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None
