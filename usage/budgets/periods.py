"""The calendar months and weeks of budgets: their limits in the budget's time zone, and their names."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MONTH, WEEK = "month", "week"


@dataclass(frozen=True)
class Period:
    """A month or week, from ``start`` until before ``end``, both in UTC; ``day`` is its first day in its time zone."""

    length: str
    day: date
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """Return its name within a sentence: "November 2026", "the week of 23 Nov 2026"."""
        if self.length == WEEK:
            return f"the week of {self.day.day} {self.day:%b %Y}"
        return f"{self.day:%B %Y}"

    @property
    def key(self) -> str:
        return f"{self.length} {self.day}"


def period_at(length: str, zone: ZoneInfo, at: datetime) -> Period:
    """Return the month or week (starting on Monday) of ``zone`` that contains ``at``."""
    day = at.astimezone(zone).date()
    first = day - timedelta(days=day.weekday()) if length == WEEK else day.replace(day=1)
    return Period(length, first, _midnight(first, zone), _midnight(_next(length, first), zone))


def _next(length: str, first: date) -> date:
    if length == WEEK:
        return first + timedelta(days=7)
    return (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when ``day`` begins: if clocks skip midnight, at the skip; if they repeat it, at the first."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
