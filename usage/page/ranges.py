"""The time ranges that the usage page can show; the query string contains the choice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Self

from django import forms
from django.http import QueryDict

from core.filters import Chip, FilterForm, span_in_words, span_of
from core.formatting import format_duration, format_time
from usage.models import BalanceReading

DAY = timedelta(days=1)
SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=366)
USUAL = timedelta(days=7)
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

    @classmethod
    def last(cls, name: str, now: datetime) -> Self:
        """Return the range of that name up to ``now``: "7d"."""
        length = span_of(name)
        return cls(name, now - length, now, from_readings=length <= LONGEST_OF_READINGS)

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    @property
    def words(self) -> str:
        """Return the range in words: "Last 7 days", or its two times."""
        if self.name:
            return f"Last {span_in_words(self.name)}"
        return f"{format_time(self.since)} to {format_time(self.until)}"

    @property
    def lower_words(self) -> str:
        """Return the words as they continue a label."""
        return self.words[0].lower() + self.words[1:]

    @property
    def before_words(self) -> str:
        """Return what the period before is called: "the 7 days before"."""
        return f"the {span_in_words(self.name) if self.name else format_duration(self.length)} before"


class RangeForm(FilterForm):
    """The page's time-range picker; what it cannot parse is said beside it, and the default is shown.

    By default that is the shortest range that contains the history, at most a week.
    """

    spans = ("1h", "24h", "7d", "30d", "90d", "365d")
    has_positions = False

    more = forms.CharField(required=False, max_length=100)  # the what-if's, which has a form of its own

    def __init__(self, data: QueryDict, first: BalanceReading | None, now: datetime) -> None:
        known = data.copy()
        for name in set(data) - set(self.base_fields):
            del known[name]
        super().__init__(known)
        self.first, self.now = first, now

    def clean(self) -> dict[str, object]:
        """Reject what cannot be drawn."""
        super().clean()
        data = self.cleaned_data
        if data.get("since") and data["since"] > LONGEST:
            self.add_error("since", f"At most {LONGEST.days} days.")
        if data.get("start") and data["start"] >= self.now:
            self.add_error("start", "This is in the future.")
        return data

    @cached_property
    def span(self) -> Range:
        """Return the range that was chosen, widened or cut to what can be drawn."""
        if self.is_valid():
            data = self.cleaned_data
            if data["since"]:
                return Range.last(self.raw["since"], self.now)
            if data["start"] or data["end"]:
                return self._fixed(data["start"], data["end"])
        age = self.now - self.first.first_read_at if self.first else timedelta(0)
        return Range.last(next((name for name in ("1h", "24h") if age <= span_of(name)), "7d"), self.now)

    def _fixed(self, start: datetime | None, end: datetime | None) -> Range:
        until = min(end or self.now, self.now).astimezone(UTC)
        since = start.astimezone(UTC) if start else until - USUAL
        since = max(min(since, until - SHORTEST), until - LONGEST)
        are_kept = until - since <= LONGEST_OF_READINGS and since > self.now - OLDEST_READINGS
        return Range("", since, until, is_live=until == self.now, from_readings=are_kept)

    @property
    def range_label(self) -> str:
        return self.span.words

    @property
    def range_presets(self) -> list[Chip]:
        """Return the usual ranges, the one that is shown marked as current."""
        return [
            Chip(f"Last {span_in_words(name)}", self.link(since=name, start="", end=""), name == self.span.name)
            for name in self.spans
        ]
