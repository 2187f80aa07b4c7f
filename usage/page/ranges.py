"""The time ranges that the usage page can show; the URL contains the choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.dateparse import parse_datetime

from core.formatting import format_duration, format_time
from usage.models import BalanceReading

DAY = timedelta(days=1)
SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=366)
NAMED = {
    "1h": ("hour", timedelta(hours=1)),
    "24h": ("24 hours", DAY),
    "7d": ("7 days", 7 * DAY),
    "30d": ("30 days", 30 * DAY),
    "90d": ("90 days", 90 * DAY),
    "1y": ("year", 365 * DAY),
}
# Single readings are kept for weeks; what is older, or longer, is drawn from hours.
LONGEST_OF_READINGS, OLDEST_READINGS = 2 * DAY, 28 * DAY


@dataclass(frozen=True)
class Range:
    """A range of time. ``name`` is empty for one that a person selected; ``is_live`` if it goes up to now."""

    name: str
    since: datetime
    until: datetime
    is_live: bool = True
    from_readings: bool = False

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    @property
    def words(self) -> str:
        """Return the range in words: "Last 7 days", or its two times."""
        if self.name:
            return f"Last {NAMED[self.name][0]}"
        return f"{format_time(self.since)} to {format_time(self.until)}"

    @property
    def lower_words(self) -> str:
        """Return the words as they continue a label."""
        return self.words[0].lower() + self.words[1:]

    @property
    def before_words(self) -> str:
        """Return what the period before is called: "the 7 days before"."""
        return f"the {NAMED[self.name][0] if self.name else format_duration(self.length)} before"


@dataclass(frozen=True)
class RangeChoice:
    """A named range as a link."""

    name: str
    words: str


RANGES = tuple(RangeChoice(name, f"Last {words}") for name, (words, _) in NAMED.items())


def chosen(query: Mapping[str, str], first: BalanceReading | None, now: datetime) -> Range:
    """Return the range of a URL's ``start`` and ``end``, or the one named ``range``.

    For anything else the shortest that contains the history, at most a week.
    """
    if selected := _selected(query, now):
        return selected
    name = query.get("range", "")
    if name not in NAMED:
        age = now - first.first_read_at if first else timedelta(0)
        name = next((name for name in ("1h", "24h") if age <= NAMED[name][1]), "7d")
    length = NAMED[name][1]
    return Range(name, now - length, now, from_readings=length <= LONGEST_OF_READINGS)


def _selected(query: Mapping[str, str], now: datetime) -> Range | None:
    """Return the range between ``start`` and ``end``, widened or cut to what can be drawn; None if there is none."""
    since, until = _time(query.get("start", "")), _time(query.get("end", ""))
    if since is None or until is None or since >= min(until, now):
        return None
    until = min(until, now)
    since = max(min(since, until - SHORTEST), until - LONGEST)
    are_kept = until - since <= LONGEST_OF_READINGS and since > now - OLDEST_READINGS
    return Range("", since, until, is_live=until == now, from_readings=are_kept)


def _time(text: str) -> datetime | None:
    try:
        at = parse_datetime(text)
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None
