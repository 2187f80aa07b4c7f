"""The balance over a range as samples: from single readings for a day, from hours beyond."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from core.db.rollups import HOUR, hour_of
from usage.changes.types import ZERO
from usage.models import BalanceHour, BalanceReading
from usage.page.ranges import Range
from workspaces.models import Workspace

# A chart of this width cannot show more.
MOST_SAMPLES = 400
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


def samples(workspace: Workspace, span: Range, now: datetime) -> list[Sample]:
    """Return the samples of ``span``, oldest first, in at most two queries."""
    since = now - span.length
    if not span.is_short:
        return _thinned(_from_hours(workspace, since, now))
    rows = BalanceReading.objects.of(workspace).filter(read_at__gte=since, first_read_at__lte=now)
    columns = ("first_read_at", "read_at", "credits", "topped_up", "added", "gap_seconds")
    found = rows.with_changes().order_by("first_read_at").values_list(*columns)
    return list(_from_readings(found, since))


def _from_readings(
    rows: Iterable[tuple[datetime, datetime, Decimal, Decimal, Decimal, int]], since: datetime
) -> Iterable[Sample]:
    before: Decimal | None = None
    for first_read_at, read_at, credits_, topped_up, added, gap_seconds in rows:
        spent = ZERO if before is None else before - credits_ + added
        begin = Sample(max(first_read_at, since), credits_, spent, topped_up, gap_seconds > 0)
        # The change before a reading that began before the range is not part of the range.
        yield begin if first_read_at >= since else replace(begin, spent=ZERO, topped_up=ZERO, after_gap=False)
        if read_at > begin.at:
            yield Sample(read_at, credits_)
        before = credits_


def _from_hours(workspace: Workspace, since: datetime, now: datetime) -> list[Sample]:
    rows = BalanceHour.objects.filter(workspace=workspace, hour__gte=hour_of(since), hour__lte=now).order_by("hour")
    found: list[Sample] = []
    gaps = BalanceReading.objects.of(workspace).filter(first_read_at__gte=since, gap_seconds__gte=LEAST_GAP_SECONDS)
    broken = {hour_of(at) for at in gaps.values_list("first_read_at", flat=True)}
    columns = ("hour", "closing", "spent", "spent_in_gap", "topped_up")
    for hour, closing, spent, lost, topped_up in rows.values_list(*columns):
        found.append(Sample(min(hour + HOUR, now), closing, spent + lost, topped_up, hour in broken))
    return found


def _thinned(found: list[Sample]) -> list[Sample]:
    """Join neighbours until there are no more than MOST_SAMPLES; sums, gaps and the last balance of each stay."""
    size = -(-len(found) // MOST_SAMPLES)
    if size <= 1:
        return found
    return [_joined(found[place : place + size]) for place in range(0, len(found), size)]


def _joined(group: list[Sample]) -> Sample:
    return Sample(
        group[-1].at,
        group[-1].credits,
        sum((one.spent for one in group), ZERO),
        sum((one.topped_up for one in group), ZERO),
        any(one.after_gap for one in group),
    )


@dataclass(frozen=True)
class Bin:
    """One row of the table of numbers. ``credits`` is its last balance, None if nothing was read."""

    since: datetime
    until: datetime
    credits: Decimal | None = None
    spent: Decimal = ZERO
    topped_up: Decimal = ZERO


def bins(found: list[Sample], span: Range, now: datetime) -> list[Bin]:
    """Return the same numbers as a table, newest first; bins before the first sample are left out."""
    rows: list[Bin] = []
    until = now
    while found and until > max(now - span.length, found[0].at - span.bin) and until > found[0].at - timedelta(1e-6):
        since = until - span.bin
        inside = [one for one in found if since < one.at <= until]
        joined = _joined(inside) if inside else None
        if joined:
            rows.append(Bin(since, until, joined.credits, max(ZERO, joined.spent), joined.topped_up))
        else:
            rows.append(Bin(since, until))
        until = since
    return rows
