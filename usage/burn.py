"""What was spent: from the falls of the balance, with top-ups told apart and gaps left as gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from usage.models import BalanceReading
from usage.readings import ZERO, longest_pause
from workspaces.models import Workspace


@dataclass(frozen=True)
class Spent:
    """What was spent in a span of time, in credits.

    ``credits`` is net: what running workflows have reserved counts until they give it back. Without any reading
    in the span it is zero, and ``covered``, the share of the span (0 to 1) that readings cover, is zero too.
    """

    since: datetime
    until: datetime
    credits: Decimal
    topped_up: Decimal
    covered: float


@dataclass(frozen=True)
class TopUp:
    """Credits that were added. What was spent between the two readings cannot be seen, so at least so many."""

    at: datetime
    credits: Decimal
    balance: Decimal


def latest(workspace: Workspace) -> BalanceReading | None:
    """Return the newest reading, or None before the first."""
    return BalanceReading.objects.latest_of(workspace)


def top_ups(workspace: Workspace, since: datetime) -> list[TopUp]:
    """Return the top-ups that were seen since then, oldest first."""
    rows = BalanceReading.objects.of(workspace).top_ups().filter(first_read_at__gt=since)
    return [TopUp(row.first_read_at, row.topped_up, row.credits) for row in rows]


def last_peak(workspace: Workspace) -> Decimal | None:
    """Return the balance right after the last top-up; before any was seen, the first balance that was read.

    The base of thresholds in per cent. None before the first reading.
    """
    readings = BalanceReading.objects.of(workspace)
    row = readings.top_ups().last() or readings.order_by("first_read_at").first()
    return row.credits if row else None


def spent(workspace: Workspace, since: datetime, until: datetime | None = None) -> Spent:
    """Return what was spent from ``since`` to ``until`` (now by default); five queries however long the span."""
    return spent_since(workspace, [since], until)[0]


def spent_since(workspace: Workspace, beginnings: Sequence[datetime], until: datetime | None = None) -> list[Spent]:
    """Return what was spent from each of ``beginnings`` to ``until`` (now by default); one query more for each."""
    end = until or timezone.now()
    readings = BalanceReading.objects.of(workspace)
    first = readings.order_by("first_read_at").first()
    last = readings.begun_by(end)
    if first is None or last is None:
        return [Spent(since, end, ZERO, ZERO, 0.0) for since in beginnings]
    marks = readings.exclude(topped_up=0, gap_seconds=0).filter(first_read_at__gt=min(beginnings))
    rows = list(marks.filter(first_read_at__lte=_next_beginning(workspace, end)).order_by("first_read_at"))
    poll = workspace.polls.filter(resource="balance").values_list("interval_seconds", flat=True).first()
    history = _History(first, last, rows, longest_pause(poll or 60))
    return [history.spent(since, end, readings.begun_by(since) or first) for since in beginnings]


def _next_beginning(workspace: Workspace, moment: datetime) -> datetime:
    """Return when the stretch after ``moment`` began: the gap before it may reach back into the span."""
    later = BalanceReading.objects.of(workspace).filter(first_read_at__gt=moment).order_by("first_read_at")
    return later.values_list("first_read_at", flat=True).first() or moment


@dataclass(frozen=True)
class _History:
    """``marks`` are the stretches that begin with a top-up or after a gap."""

    first: BalanceReading
    last: BalanceReading
    marks: list[BalanceReading]
    longest_pause: timedelta

    def spent(self, since: datetime, until: datetime, opening: BalanceReading) -> Spent:
        added = sum((row.topped_up for row in self.marks if since < row.first_read_at <= until), ZERO)
        fallen = opening.credits - self.last.credits + added
        return Spent(since, until, max(ZERO, fallen), added, self._covered(since, until))

    def _covered(self, since: datetime, until: datetime) -> float:
        """Return the share that is neither before the first reading, nor in a gap, nor after the last."""
        begin = max(since, self.first.first_read_at)
        # Right after a reading the next one is not late yet.
        end = until if until - self.last.read_at <= self.longest_pause else max(begin, self.last.read_at)
        missing = timedelta(0)
        for row in self.marks:
            gap_begin = row.first_read_at - timedelta(seconds=row.gap_seconds)
            missing += max(timedelta(0), min(end, row.first_read_at) - max(begin, gap_begin))
        length = until - since
        return max(0.0, min(1.0, (end - begin - missing) / length)) if length > timedelta(0) else 0.0
