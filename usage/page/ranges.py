"""The time ranges that the usage page can show; the URL contains the choice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from usage.models import BalanceReading

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Range:
    """A range up to now. ``bin`` is the length of a row in the table of numbers."""

    name: str
    words: str
    length: timedelta
    bin: timedelta

    @property
    def is_short(self) -> bool:
        """Return whether it is drawn from single readings; longer ones are drawn from hours."""
        return self.length <= DAY


RANGES = (
    Range("1h", "Last hour", timedelta(hours=1), timedelta(minutes=5)),
    Range("24h", "Last 24 hours", DAY, timedelta(hours=1)),
    Range("7d", "Last 7 days", 7 * DAY, DAY),
    Range("30d", "Last 30 days", 30 * DAY, DAY),
    Range("90d", "Last 90 days", 90 * DAY, 7 * DAY),
    Range("1y", "Last year", 365 * DAY, 30 * DAY),
)
_BY_NAME = {span.name: span for span in RANGES}


def chosen(name: str, first: BalanceReading | None, now: datetime) -> Range:
    """Return the range called ``name``; for anything else the shortest that contains the history, at most a week."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    age = now - first.first_read_at if first else timedelta(0)
    return next((span for span in RANGES[:2] if age <= span.length), RANGES[2])
