"""The balance over a range as samples: from single readings for short ranges, else from hours."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from core.charts.time_axis import time_bins
from core.db.rollups import HOUR, hour_of
from usage.changes.types import ZERO
from usage.models import BalanceHour, BalanceReading
from usage.page.ranges import Range
from workspaces.models import Workspace

# More groups of samples than this cannot be told apart.
MOST_GROUPS = 120
MOST_BINS = 31
# In a chart of hours, a shorter gap is narrower than a line.
LEAST_GAP_SECONDS = 1800


@dataclass(frozen=True)
class Sample:
    """The balance at one time; ``spent`` and ``topped_up`` are since the previous sample, possibly across a gap.

    ``extreme`` is "lowest" or "highest" for that balance of an hour, of which nobody knows when in the hour it was.
    """

    at: datetime
    credits: Decimal
    spent: Decimal = ZERO
    topped_up: Decimal = ZERO
    after_gap: bool = False
    extreme: str = ""


class _Hour(NamedTuple):
    """The columns of ``BalanceHour`` that are drawn; a year of its rows takes longer."""

    hour: datetime
    lowest: Decimal
    highest: Decimal
    closing: Decimal
    spent: Decimal
    spent_in_gap: Decimal
    topped_up: Decimal
    covered_seconds: float


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
    found: list[Sample] = []
    for row in map(_Hour._make, rows.order_by("hour").values_list(*_Hour._fields)):
        is_after_gap = row.hour in broken
        before = found[-1].credits if found and not is_after_gap else None
        inside = list(_hour_samples(row, before, span.until))
        inside[0] = replace(inside[0], after_gap=is_after_gap)
        found += inside
    return found


def _hour_samples(row: _Hour, before: Decimal | None, until: datetime) -> Iterator[Sample]:
    """Yield the extremes that are neither the balance before nor the last one, and the last one.

    Which extreme came first is not known either: in an hour with a top-up most likely the lowest.
    """
    end = min(row.hour + HOUR, until)
    ends = [row.closing] if before is None else [before, row.closing]
    extremes = [("lowest", row.lowest)] if row.lowest < min(ends) else []
    if row.highest > max(ends):
        extremes.insert(len(extremes) if row.topped_up else 0, ("highest", row.highest))
    covered = min(timedelta(seconds=row.covered_seconds), end - row.hour)
    for left, (name, credits_) in zip(range(len(extremes), 0, -1), extremes, strict=True):
        yield Sample(end - covered * left / (len(extremes) + 1), credits_, extreme=name)
    yield Sample(end, row.closing, row.spent + row.spent_in_gap, row.topped_up)


def thinned(found: Sequence[Sample], most: int = MOST_GROUPS) -> list[Sample]:
    """Return the first lowest, the first highest and the last sample of each of at most ``most`` groups, in order.

    A gap within a group stays, before the next sample that is kept.
    """
    size = -(-len(found) // most)
    if size <= 3:
        return list(found)
    kept: list[Sample] = []
    for start in range(0, len(found), size):
        group = found[start : start + size]
        balances = [one.credits for one in group]
        chosen = {balances.index(min(balances)), balances.index(max(balances)), len(group) - 1}
        begin = 0
        for place in sorted(chosen):
            kept.append(replace(group[place], after_gap=any(one.after_gap for one in group[begin : place + 1])))
            begin = place + 1
    return kept


@dataclass(frozen=True)
class Bin:
    """A bar, and a row of the table. ``credits`` is its last balance, None if there is no data."""

    since: datetime
    until: datetime
    credits: Decimal | None = None
    lowest: Decimal | None = None
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
            spent, topped_up = (sum((getattr(one, name) for one in inside), ZERO) for name in ("spent", "topped_up"))
            lowest = min(one.credits for one in inside)
            rows.append(Bin(begin, end, inside[-1].credits, lowest, max(ZERO, spent), topped_up))
        else:
            # A balance that does not change has no samples of its own until the next one.
            is_idle = bool(rows and rest) and not rest[0].after_gap
            held = rows[-1].credits if is_idle else None
            rows.append(Bin(begin, end, held, held))
    return rows
