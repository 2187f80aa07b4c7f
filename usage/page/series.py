"""The balance over a range as samples: from single readings for short ranges, else from hours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from core.charts.time_axis import time_bins
from core.db.rollups import HOUR, hour_of
from usage.changes.types import ZERO
from usage.models import BalanceHour, BalanceReading
from usage.page.ranges import Range
from workspaces.models import Workspace

# More steps than this cannot be told apart.
MOST_SAMPLES = 200
MOST_BINS = 31
# In a chart of hours, a shorter gap is narrower than a line.
LEAST_GAP_SECONDS = 1800


@dataclass(frozen=True)
class Sample:
    """The balance at one time; ``spent`` and ``topped_up`` are since the previous sample, possibly across a gap."""

    at: datetime
    credits: Decimal
    spent: Decimal = ZERO
    topped_up: Decimal = ZERO
    after_gap: bool = False


def samples(workspace: Workspace, span: Range) -> list[Sample]:
    """Return the samples of ``span``, oldest first, in at most two queries."""
    if not span.from_readings:
        return _from_hours(workspace, span)
    rows = BalanceReading.objects.of(workspace).filter(read_at__gte=span.since, first_read_at__lte=span.until)
    columns = ("first_read_at", "read_at", "credits", "topped_up", "added", "gap_seconds")
    found = rows.with_changes().order_by("first_read_at").values_list(*columns)
    return list(_from_readings(found, span))


def _from_readings(
    rows: Iterable[tuple[datetime, datetime, Decimal, Decimal, Decimal, int]], span: Range
) -> Iterable[Sample]:
    before: Decimal | None = None
    for first_read_at, read_at, credits_, topped_up, added, gap_seconds in rows:
        spent = ZERO if before is None else before - credits_ + added
        begin = Sample(max(first_read_at, span.since), credits_, spent, topped_up, gap_seconds > 0)
        # The change before a reading that began before the range is not part of the range.
        is_inside = first_read_at >= span.since
        yield begin if is_inside else replace(begin, spent=ZERO, topped_up=ZERO, after_gap=False)
        if (last := min(read_at, span.until)) > begin.at:
            yield Sample(last, credits_)
        before = credits_


def _from_hours(workspace: Workspace, span: Range) -> list[Sample]:
    rows = BalanceHour.objects.filter(workspace=workspace, hour__gte=hour_of(span.since), hour__lt=span.until)
    gaps = BalanceReading.objects.of(workspace).filter(
        first_read_at__range=(span.since, span.until), gap_seconds__gte=LEAST_GAP_SECONDS
    )
    broken = {hour_of(at) for at in gaps.values_list("first_read_at", flat=True)}
    columns = ("hour", "closing", "spent", "spent_in_gap", "topped_up")
    return [
        Sample(min(hour + HOUR, span.until), closing, spent + lost, topped_up, hour in broken)
        for hour, closing, spent, lost, topped_up in rows.order_by("hour").values_list(*columns)
    ]


def thinned(found: Sequence[Sample], most: int = MOST_SAMPLES) -> list[Sample]:
    """Join neighbors until there are no more than ``most``; sums, gaps and the last balance of each stay."""
    size = -(-len(found) // most)
    if size <= 1:
        return list(found)
    return [_joined(found[place : place + size]) for place in range(0, len(found), size)]


def _joined(group: Sequence[Sample]) -> Sample:
    return Sample(
        group[-1].at,
        group[-1].credits,
        sum((one.spent for one in group), ZERO),
        sum((one.topped_up for one in group), ZERO),
        any(one.after_gap for one in group),
    )


@dataclass(frozen=True)
class Bin:
    """A bar, and a row of the table. ``credits`` is its last balance, None if there is no data."""

    since: datetime
    until: datetime
    credits: Decimal | None = None
    spent: Decimal = ZERO
    topped_up: Decimal = ZERO

    @property
    def query(self) -> str:
        """Return the query string that selects this time."""
        return f"?start={self.since:%Y-%m-%dT%H:%M:%SZ}&end={self.until:%Y-%m-%dT%H:%M:%SZ}"


def bins(found: Sequence[Sample], since: datetime, until: datetime) -> list[Bin]:
    """Return the samples by parts of the day, days, weeks or months in the viewer's time zone, oldest first."""
    rows: list[Bin] = []
    rest = list(found)
    for begin, end in time_bins(since, until, timezone.get_current_timezone(), MOST_BINS):
        inside = [one for one in rest if one.at <= end]
        rest = rest[len(inside) :]
        if inside:
            joined = _joined(inside)
            rows.append(Bin(begin, end, joined.credits, max(ZERO, joined.spent), joined.topped_up))
        else:
            # A balance that does not change has no samples of its own until the next one.
            is_idle = bool(rows and rest) and not rest[0].after_gap
            rows.append(Bin(begin, end, rows[-1].credits if is_idle else None))
    return rows
