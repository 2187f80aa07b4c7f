"""Records readings of the balance: merged rows, gaps, changes, and one row per hour. Repairs those from the future."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Least, Now

from core import clock
from core.db.rollups import HOUR, hour_of
from usage.changes.interpretation import CENT
from usage.changes.review import KEPT_WHOLE, review_unsettled
from usage.changes.types import ZERO, Certainty
from usage.models import SIGNIFICANT, UNCERTAIN, BalanceChange, BalanceHour, BalanceReading, BurnPattern
from workspaces.models import Workspace

_MICROSECOND = timedelta(microseconds=1)


def longest_pause(interval_seconds: float) -> timedelta:
    """Return how far two readings may be apart: three intervals, at least a minute, as in ``Poll.is_stale``."""
    return timedelta(seconds=max(60.0, 3 * interval_seconds))


@dataclass(frozen=True)
class BalanceStep:
    """Two consecutive readings; amounts are credits, ``gap`` is zero if the second reading was in time."""

    since: datetime
    until: datetime
    before: Decimal
    after: Decimal
    gap: timedelta

    @property
    def fallen(self) -> Decimal:
        """Return the fall; negative for a rise."""
        return self.before - self.after


def record_reading(workspace: Workspace, balance: Decimal, read_at: datetime, interval_seconds: float = 60) -> None:
    """Add one reading to the history. One that is not newer than the latest changes nothing.

    Always use this function for new readings: rows written directly, even in tests, are missing from the hours. A time
    in the future, by the database's clock, counts as now; digits beyond those stored are rounded away.
    """
    balance = Decimal(balance).quantize(CENT)
    with transaction.atomic(savepoint=False):
        # One at a time per workspace: "Read now" may coincide with the worker.
        locked = Workspace.objects.select_for_update().filter(pk=workspace.pk)
        database_now = locked.annotate(clock=Now()).values_list("clock", flat=True).first()
        read_at = min(read_at, database_now or read_at)
        latest = BalanceReading.objects.latest_of(workspace)
        if latest is not None and database_now is not None and latest.read_at > database_now:
            move_to_now(workspace, read_at)
            latest = BalanceReading.objects.latest_of(workspace)
        if latest is None:
            _begin(workspace, balance, read_at)
            _add_to_hours(workspace, BalanceStep(read_at, read_at, balance, balance, timedelta(0)))
        elif read_at > latest.read_at:
            step = _step(latest, balance, read_at, interval_seconds)
            if not _prolong(latest, step):
                _extend(workspace, latest, step)
                _add_to_hours(workspace, step)
            review_unsettled(workspace, read_at, rose=step.fallen < 0)


def _step(latest: BalanceReading, balance: Decimal, read_at: datetime, interval_seconds: float) -> BalanceStep:
    pause = read_at - latest.read_at
    gap = pause if pause > longest_pause(interval_seconds) else timedelta(0)
    return BalanceStep(latest.read_at, read_at, latest.credits, balance, gap)


def _prolong(latest: BalanceReading, step: BalanceStep) -> bool:
    """Prolong ``latest`` and the covered time of its hour, and return True, if the balance did not change within both.

    So it is for almost all readings, and takes two statements.
    """
    if step.fallen or step.gap or hour_of(step.since) != hour_of(step.until):
        return False
    seconds = (step.until - step.since).total_seconds()
    hours = BalanceHour.objects.filter(workspace=latest.workspace_id, hour=hour_of(step.until))
    if not hours.update(covered_seconds=F("covered_seconds") + seconds):
        return False
    BalanceReading.objects.filter(pk=latest.pk).update(read_at=step.until)
    return True


def _begin(workspace: Workspace, balance: Decimal, read_at: datetime, gap_seconds: int = 0) -> BalanceReading:
    return BalanceReading.objects.create(
        workspace=workspace, credits=balance, first_read_at=read_at, read_at=read_at, gap_seconds=gap_seconds
    )


def _extend(workspace: Workspace, latest: BalanceReading, step: BalanceStep) -> None:
    """Extend the latest row while the balance stays the same and readings are in time, otherwise begin a new one."""
    if step.after == latest.credits and not step.gap:
        BalanceReading.objects.filter(pk=latest.pk).update(read_at=step.until)
        return
    reading = _begin(workspace, step.after, step.until, int(step.gap.total_seconds()))
    BalanceChange.objects.create(
        workspace=workspace,
        reading=reading,
        since=step.since,
        until=step.until,
        before=step.before,
        after=step.after,
        is_gap=bool(step.gap),
        returned=max(ZERO, -step.fallen),
        certainty=Certainty.CERTAIN,
    )


def _add_to_hours(workspace: Workspace, step: BalanceStep) -> None:
    """Add the change to the hour in which it was seen, and the covered time to each hour that it spans.

    At first all of it counts as spending; the review of changes subtracts the rest.
    """
    hour = hour_of(step.until)
    row, is_new = BalanceHour.objects.get_or_create(
        workspace=workspace,
        hour=hour,
        defaults={"lowest": step.after, "highest": step.after, "closing": step.after},
    )
    row.closing = step.after
    row.lowest, row.highest = min(row.lowest, step.after), max(row.highest, step.after)
    if step.gap:
        row.spent_in_gap += step.fallen
    else:
        row.spent += step.fallen
        row.returned += max(ZERO, -step.fallen)
        row.covered_seconds += (step.until - max(step.since, hour)).total_seconds()
        _cover_earlier_hours(workspace, step)
    row.save()
    if is_new:
        _thin_readings(workspace, hour - KEPT_WHOLE)


def _thin_readings(workspace: Workspace, hour: datetime) -> None:
    """Thin an old hour: keep its last reading, the history's first, gaps, and what follows more than plain spending."""
    rows = BalanceReading.objects.of(workspace).filter(first_read_at__gte=hour, first_read_at__lt=hour + HOUR)
    last = rows.order_by("-first_read_at").values_list("pk", flat=True).first()
    beginning = BalanceReading.objects.of(workspace).order_by("first_read_at").values_list("pk", flat=True).first()
    significant = BalanceChange.objects.filter(reading__in=rows).filter(SIGNIFICANT | UNCERTAIN | ~Q(mark=""))
    kept = [last or 0, beginning or 0, *significant.values_list("reading", flat=True)]
    rows.filter(gap_seconds=0).exclude(pk__in=kept).delete()


def _cover_earlier_hours(workspace: Workspace, step: BalanceStep) -> None:
    """Count the covered part of the hours before the one in which ``step`` ends; usually at most one."""
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


def move_to_now(workspace: Workspace, now: datetime) -> int:
    """Move rows dated after ``now`` to right before it, or they would block all later readings; return the count.

    The caller has locked the workspace's row. The order stays: rows of the same time are ordered by id.
    """
    before = Value(now - _MICROSECOND)
    changes = BalanceChange.objects.of(workspace).filter(until__gt=now)
    changes.update(until=before, since=Least("since", before))
    readings = BalanceReading.objects.of(workspace).filter(read_at__gt=now)
    moved = readings.update(read_at=before, first_read_at=Least("first_read_at", before))
    BurnPattern.objects.filter(workspace=workspace, hour__gt=hour_of(now)).delete()  # will be learned again
    return moved + _merge_hours(workspace, hour_of(now))


def _merge_hours(workspace: Workspace, this_hour: datetime) -> int:
    """Add the hours after ``this_hour`` to it, except for their coverage, which is unknown."""
    rows = BalanceHour.objects.filter(workspace=workspace)
    later = list(rows.filter(hour__gt=this_hour).order_by("hour"))
    if not later:
        return 0
    first = {"lowest": later[0].lowest, "highest": later[0].highest, "closing": later[0].closing}
    hour, _ = rows.get_or_create(workspace=workspace, hour=this_hour, defaults=first)
    for one in later:
        hour.lowest, hour.highest = min(hour.lowest, one.lowest), max(hour.highest, one.highest)
        hour.closing = one.closing
        hour.spent += one.spent
        hour.spent_in_gap += one.spent_in_gap
        hour.returned += one.returned
        hour.topped_up += one.topped_up
    hour.save()
    rows.filter(pk__in=[one.pk for one in later]).delete()
    return len(later)


def move_all_to_now(now: datetime) -> int:
    """Repair the history of every workspace with rows dated after ``now``; return the number of rows moved."""
    readings = BalanceReading.objects.filter(read_at__gt=now + clock.SLACK).values_list("workspace", flat=True)
    hours = BalanceHour.objects.filter(hour__gt=now).values_list("workspace", flat=True)
    mended = 0
    for pk in {*readings.distinct(), *hours.distinct()}:
        with transaction.atomic():
            workspace = Workspace.objects.select_for_update(no_key=True).filter(pk=pk).first()
            mended += move_to_now(workspace, now) if workspace else 0
    return mended


clock.register_repair(move_all_to_now, BalanceReading, BalanceChange, BalanceHour, BurnPattern)
