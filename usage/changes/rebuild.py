"""Rebuilds changes, gaps and hours after readings were added to, or removed from, the middle of the history."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from core.db.batches import update_many
from core.db.rollups import HOUR, hour_of
from usage.changes.types import ZERO, Certainty
from usage.models import BalanceChange, BalanceHour, BalanceReading
from workspaces.models import Workspace

BATCH = 500


def rebuild_changes(workspace: Workspace, since: datetime, until: datetime, longest: timedelta) -> None:
    """Create uninterpreted changes for all readings that begin from ``since`` to ``until``, and the one after them.

    Two readings further apart than ``longest`` have a gap between them. The caller has locked the workspace's row.
    """
    readings = BalanceReading.objects.of(workspace)
    before = readings.filter(first_read_at__lt=since).order_by("-first_read_at").first()
    after = readings.filter(first_read_at__gt=until).order_by("first_read_at").first()
    inside = list(readings.filter(first_read_at__range=(since, until)).order_by("first_read_at"))
    chain = [*filter(None, [before]), *inside, *filter(None, [after])]
    fresh = chain[1:] if before else chain
    marks = {row.reading_id: row for row in BalanceChange.objects.filter(reading__in=fresh).exclude(mark="")}
    BalanceChange.objects.filter(reading__in=fresh).delete()
    BalanceChange.objects.bulk_create(_changes(chain, longest, marks), batch_size=BATCH)
    if before is None and chain:
        chain[0].gap_seconds = 0
    update_many(fresh, ["gap_seconds"])
    end = after.first_read_at if after else until
    begin = min(since, before.read_at) if before and since - before.read_at <= longest else since
    _count_hours(workspace, hour_of(begin), hour_of(end))


def _changes(
    chain: Sequence[BalanceReading], longest: timedelta, marks: dict[int, BalanceChange]
) -> Iterator[BalanceChange]:
    """Yield the change before each reading of ``chain`` except the first, with people's marks."""
    for before, row in pairwise(chain):
        pause = row.first_read_at - before.read_at
        is_gap = pause > longest
        row.gap_seconds = int(pause.total_seconds()) if is_gap else 0
        if row.credits == before.credits and not is_gap:
            continue
        change = BalanceChange(
            workspace_id=row.workspace_id,
            reading=row,
            since=before.read_at,
            until=row.first_read_at,
            before=before.credits,
            after=row.credits,
            is_gap=is_gap,
            returned=max(ZERO, row.credits - before.credits),
            certainty=Certainty.CERTAIN,
        )
        if said := marks.get(row.pk):
            for name in ("mark", "marked", "note", "marked_by_id", "marked_at"):
                setattr(change, name, getattr(said, name))
        yield change


@dataclass
class _Tally:
    """The totals of one hour, from its readings and changes."""

    lowest: Decimal
    highest: Decimal
    closing: Decimal
    covered: float = 0.0
    spent: Decimal = ZERO
    lost: Decimal = ZERO
    returned: Decimal = ZERO
    topped_up: Decimal = ZERO

    def see(self, balance: Decimal) -> None:
        self.lowest, self.highest = min(self.lowest, balance), max(self.highest, balance)
        self.closing = balance


def _count_hours(workspace: Workspace, first: datetime, last: datetime) -> None:
    """Recompute the hours from ``first`` to ``last`` from the stored readings and changes."""
    end = last + HOUR
    rows = BalanceReading.objects.of(workspace).filter(first_read_at__lt=end, read_at__gte=first)
    changes = BalanceChange.objects.of(workspace).filter(until__gte=first, since__lt=end).order_by("until")
    hours: dict[datetime, _Tally] = {}
    for row in rows.order_by("first_read_at"):
        for hour, seconds in _seconds_by_hour(row.first_read_at, row.read_at):
            tally = hours.setdefault(hour, _Tally(row.credits, row.credits, row.credits))
            tally.see(row.credits)
            tally.covered += seconds
    for change in changes:
        _count(change, hours)
    BalanceHour.objects.filter(workspace=workspace, hour__range=(first, last)).delete()
    inside = ((hour, tally) for hour, tally in hours.items() if first <= hour <= last)
    BalanceHour.objects.bulk_create((_hour(workspace, hour, tally) for hour, tally in inside), batch_size=BATCH)


def _count(change: BalanceChange, hours: dict[datetime, _Tally]) -> None:
    if not change.is_gap:
        for hour, seconds in _seconds_by_hour(change.since, change.until):
            tally = hours.setdefault(hour, _Tally(change.before, change.before, change.before))
            tally.covered += seconds
    tally = hours.setdefault(hour_of(change.until), _Tally(change.after, change.after, change.after))
    tally.topped_up += change.topped_up
    if change.is_gap:
        tally.lost += change.spent
    else:
        tally.spent += change.spent
        tally.returned += change.returned


def _hour(workspace: Workspace, hour: datetime, tally: _Tally) -> BalanceHour:
    return BalanceHour(
        workspace=workspace,
        hour=hour,
        lowest=tally.lowest,
        highest=tally.highest,
        closing=tally.closing,
        spent=tally.spent,
        spent_in_gap=tally.lost,
        returned=tally.returned,
        topped_up=tally.topped_up,
        covered_seconds=tally.covered,
    )


def _seconds_by_hour(since: datetime, until: datetime) -> Iterator[tuple[datetime, float]]:
    """Yield each hour between the two, with the number of its seconds in that range."""
    hour = hour_of(since)
    while hour <= until:
        yield hour, max(0.0, (min(until, hour + HOUR) - max(since, hour)).total_seconds())
        hour += HOUR


def contiguous_ranges(
    rows: Sequence[tuple[datetime, datetime]], others: Sequence[datetime]
) -> list[tuple[datetime, datetime]]:
    """Return beginning and end of each run of ``rows`` (beginning, end) that none of ``others`` interrupts.

    Both are in order of time.
    """
    found: dict[int, tuple[datetime, datetime]] = {}
    for since, until in rows:
        place = bisect_left(others, since)
        found[place] = found[place][0] if place in found else since, until
    return list(found.values())
