"""Repairs readings, changes and hours with a time in the future, from a clock that was ahead: they count as now."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Least

from core import clock
from usage.hours import start_of_hour
from usage.models import BalanceChange, BalanceHour, BalanceReading, BurnPattern
from workspaces.models import Workspace

_MICROSECOND = timedelta(microseconds=1)


def move_to_now(workspace: Workspace, now: datetime) -> int:
    """Move rows dated after ``now`` to right before it, or they would block all later readings; return the count.

    The caller has locked the workspace's row. The order stays: rows of the same time are ordered by id.
    """
    before = Value(now - _MICROSECOND)
    changes = BalanceChange.objects.of(workspace).filter(until__gt=now)
    changes.update(until=before, since=Least("since", before))
    readings = BalanceReading.objects.of(workspace).filter(read_at__gt=now)
    moved = readings.update(read_at=before, first_read_at=Least("first_read_at", before))
    BurnPattern.objects.filter(workspace=workspace, hour__gt=start_of_hour(now)).delete()  # will be learned again
    return moved + _merge_hours(workspace, start_of_hour(now))


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


def move_all_to_now(moment: datetime) -> int:
    """Repair the history of every workspace with rows dated after ``moment``; return the number of rows moved."""
    readings = BalanceReading.objects.filter(read_at__gt=moment + clock.SLACK).values_list("workspace", flat=True)
    hours = BalanceHour.objects.filter(hour__gt=moment).values_list("workspace", flat=True)
    mended = 0
    for pk in {*readings.distinct(), *hours.distinct()}:
        with transaction.atomic():
            workspace = Workspace.objects.select_for_update(no_key=True).filter(pk=pk).first()
            mended += move_to_now(workspace, moment) if workspace else 0
    return mended


clock.register_repair(move_all_to_now, BalanceReading, BalanceChange, BalanceHour, BurnPattern)
