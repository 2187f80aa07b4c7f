"""How a reading of the balance becomes history: stretches, gaps, top-ups, and one row an hour."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Max

from usage.models import BalanceHour, BalanceReading
from workspaces.models import Workspace

HOUR = timedelta(hours=1)
ZERO = Decimal(0)
# Upstream takes the highest possible cost when a workflow is submitted and gives the rest back when it ends
# (``shared/reference``, "Credits"). What comes back can never lift the balance above what it was before, so a rise
# above the peak of this long is a top-up, and any other rise is credits coming back. Workflows take minutes.
SETTLING = HOUR
# In its first hour a history does not show what had been taken before it began. What comes back of that is a small part
# of a balance, and top-ups seldom are.
UNSEEN_SETTLING = Decimal("0.1")
# Older readings are thinned to one an hour, top-ups and gaps excepted, so that a busy year stays small.
KEPT_WHOLE = timedelta(days=35)


def longest_pause(interval_seconds: float) -> timedelta:
    """Return how long two readings may lie apart: three intervals, and a minute at least, as ``Poll.is_stale``."""
    return timedelta(seconds=max(60.0, 3 * interval_seconds))


@dataclass(frozen=True)
class Step:
    """What happened between two readings; amounts are credits, ``gap`` is zero where the second came in time."""

    since: datetime
    until: datetime
    before: Decimal
    after: Decimal
    topped_up: Decimal
    gap: timedelta

    @property
    def spent(self) -> Decimal:
        """Return the net fall without the top-up; negative where credits came back."""
        return self.before - self.after + self.topped_up


def record(workspace: Workspace, balance: Decimal, read_at: datetime, interval_seconds: float = 60) -> None:
    """Add one reading to the history. One that is not newer than the latest changes nothing.

    The only way in: whoever writes rows by hand, tests included, leaves the hours without them.
    """
    with transaction.atomic(savepoint=False):
        # One at a time for each workspace; "Read now" may meet the worker.
        Workspace.objects.select_for_update().filter(pk=workspace.pk).values_list("pk").first()
        latest = BalanceReading.objects.latest_of(workspace)
        if latest is None:
            _begin(workspace, balance, read_at)
            _add_to_hours(workspace, Step(read_at, read_at, balance, balance, ZERO, timedelta(0)))
        elif read_at > latest.read_at:
            step = _step(latest, balance, read_at, interval_seconds)
            _extend(latest, step)
            _add_to_hours(workspace, step)


def _step(latest: BalanceReading, balance: Decimal, read_at: datetime, interval_seconds: float) -> Step:
    pause = read_at - latest.read_at
    gap = pause if pause > longest_pause(interval_seconds) else timedelta(0)
    topped_up = _top_up(latest, balance) if balance > latest.credits else ZERO
    return Step(latest.read_at, read_at, latest.credits, balance, topped_up, gap)


def _top_up(latest: BalanceReading, balance: Decimal) -> Decimal:
    """Return the whole rise if it is a top-up, else zero. What was spent at the same time cannot be seen."""
    before = latest.read_at - SETTLING
    readings = BalanceReading.objects.of(latest.workspace)
    peak = readings.filter(read_at__gte=before).aggregate(peak=Max("credits"))["peak"]
    if not readings.filter(first_read_at__lte=before).exists():
        peak *= 1 + UNSEEN_SETTLING
    return balance - latest.credits if balance > peak else ZERO


def _begin(workspace: Workspace, balance: Decimal, read_at: datetime, **facts: object) -> None:
    BalanceReading.objects.create(workspace=workspace, credits=balance, first_read_at=read_at, read_at=read_at, **facts)


def _extend(latest: BalanceReading, step: Step) -> None:
    """Move the latest stretch on while the number stays and readings come in time, else begin a new one."""
    if step.after == latest.credits and not step.gap:
        BalanceReading.objects.filter(pk=latest.pk).update(read_at=step.until)
        return
    gap_seconds = int(step.gap.total_seconds())
    _begin(latest.workspace, step.after, step.until, topped_up=step.topped_up, gap_seconds=gap_seconds)


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour of ``moment``, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _add_to_hours(workspace: Workspace, step: Step) -> None:
    """Note the change in the hour in which it was seen, and the time covered in each hour that it lies in."""
    hour = hour_of(step.until)
    row, is_new = BalanceHour.objects.get_or_create(
        workspace=workspace,
        hour=hour,
        defaults={"lowest": step.after, "highest": step.after, "closing": step.after},
    )
    row.closing = step.after
    row.lowest, row.highest = min(row.lowest, step.after), max(row.highest, step.after)
    row.topped_up += step.topped_up
    if step.gap:
        row.spent_in_gap += step.spent
    else:
        row.spent += step.spent
        row.returned += max(ZERO, -step.spent)
        row.covered_seconds += (step.until - max(step.since, hour)).total_seconds()
        _cover_earlier_hours(workspace, step)
    row.save()
    if is_new:
        _thin(workspace, hour - KEPT_WHOLE)


def _thin(workspace: Workspace, hour: datetime) -> None:
    """Keep of the readings of that old hour the last one, and those that mark a top-up or a gap."""
    rows = BalanceReading.objects.of(workspace).filter(first_read_at__gte=hour, first_read_at__lt=hour + HOUR)
    last = rows.order_by("-first_read_at").values_list("pk", flat=True).first()
    beginning = BalanceReading.objects.of(workspace).order_by("first_read_at").values_list("pk", flat=True).first()
    rows.filter(topped_up=0, gap_seconds=0).exclude(pk__in=[last, beginning]).delete()


def _cover_earlier_hours(workspace: Workspace, step: Step) -> None:
    """Count the covered part of the hours before the one in which ``step`` ends; one at most, as polls go."""
    start = step.since
    while (hour := hour_of(start)) < hour_of(step.until):
        seconds = (hour + HOUR - start).total_seconds()
        BalanceHour.objects.get_or_create(
            workspace=workspace, hour=hour, defaults=dict.fromkeys(("lowest", "highest", "closing"), step.before)
        )
        BalanceHour.objects.filter(workspace=workspace, hour=hour).update(
            covered_seconds=F("covered_seconds") + seconds
        )
        start = hour + HOUR
