"""Counts rows of the request log into hours, endpoints and classes of status. Pure: the migration uses it too."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from core.histogram import Histogram, bucket_of
from keys.log.endpoints import endpoint_of

# What stands in place of an endpoint. Real ones begin with a slash.
EVERYTHING = ""  # all of the customer's requests
OTHER = "other"  # endpoints past the cap
CONSOLE = "console"  # the console's own calls, in no other cell
MOST_ENDPOINTS = 50
_NOTHING, _HOUR = timedelta(0), timedelta(hours=1)


class Countable(Protocol):
    """What a count_rows needs of a logged request, whatever holds it."""

    @property
    def created_at(self) -> datetime:
        """When it was made."""

    @property
    def path(self) -> str:
        """What was asked for."""

    @property
    def status_code(self) -> int | None:
        """How it was answered, if that is known."""

    @property
    def duration_ms(self) -> int | None:
        """How long that took, if that is known."""

    @property
    def is_own_call(self) -> bool:
        """Whether the console made it."""


class CountedRow(NamedTuple):
    """The same, read from the database as a tuple."""

    created_at: datetime
    path: str
    status_code: int | None
    duration_ms: int | None
    is_own_call: bool


class RollupKey(NamedTuple):
    """What is counted together; ``status_class`` is the status's first digit, 0 where there was none."""

    hour: datetime
    endpoint: str
    status_class: int


# An hour, a path, a class of status, a bucket of durations, and whether it was the console's own call.
_Likeness = tuple[datetime, str, int, str | None, bool]


@dataclass
class RollupCount:
    """How many requests, and how long they took as far as that is known."""

    count: int = 0
    histogram: Histogram = field(default_factory=dict)

    def add(self, count: int, histogram: Histogram) -> None:
        """Add another tally's numbers."""
        self.count += count
        for bucket, number in histogram.items():
            self.histogram[bucket] = self.histogram.get(bucket, 0) + number


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_rows(rows: Iterable[Countable], endpoints: set[str]) -> dict[RollupKey, RollupCount]:
    """Count ``rows`` of one key. ``endpoints`` are those it has; new ones are added to it up to the cap."""
    cells: dict[RollupKey, RollupCount] = {}
    for (hour, path, status_class, bucket, is_own), count in _alike(rows).items():
        durations = {} if bucket is None else {bucket: count}
        for endpoint in _counted_under(path, endpoints, is_own=is_own):
            cells.setdefault(RollupKey(hour, endpoint, status_class), RollupCount()).add(count, durations)
    return cells


def _alike(rows: Iterable[Countable]) -> dict[_Likeness, int]:
    """Count together the rows that count alike, which most of a page do."""
    alike: dict[_Likeness, int] = {}
    begin = datetime.min.replace(tzinfo=UTC)
    for row in rows:
        at, duration = row.created_at, row.duration_ms
        if not _NOTHING <= at - begin < _HOUR:  # rows come in order of time, so the hour is seldom another
            begin = hour_of(at)
        bucket = None if duration is None else bucket_of(duration)
        like = begin, row.path, (row.status_code or 0) // 100, bucket, row.is_own_call
        alike[like] = alike.get(like, 0) + 1
    return alike


def _counted_under(path: str, endpoints: set[str], *, is_own: bool) -> tuple[str, ...]:
    if is_own:
        return (CONSOLE,)
    endpoint = endpoint_of(path)
    if endpoint not in endpoints:
        if len(endpoints) >= MOST_ENDPOINTS:
            return EVERYTHING, OTHER
        endpoints.add(endpoint)
    return EVERYTHING, endpoint
