"""A past of the balance for tests, by the same way in as real readings."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from core.db.rollups import HOUR, hour_of
from usage.changes.types import Certainty
from usage.models import BalanceChange, BalanceHour, BalanceReading
from usage.readings import record_reading

LATELY = 12  # readings: six hours


def record_series(workspace, series, interval_seconds=60):
    """Record ``(time, credits)`` in order; times further apart than three intervals leave a gap."""
    for moment, balance in series:
        record_reading(workspace, Decimal(balance), moment, interval_seconds)


def record_steady(workspace, until, hours=72, opening=5000, an_hour=10):
    """Record a balance that falls evenly, read twice an hour, up to ``until``.

    Of a long fall only the last hours take the way of real readings; what that leaves of the hours before is written.
    """
    start = until - timedelta(hours=hours)
    moments = [(start + timedelta(minutes=30 * n), Decimal(n * an_hour) / 2) for n in range(2 * hours + 1)]
    series = [(at, Decimal(opening) - fallen) for at, fallen in moments]
    if an_hour and not BalanceReading.objects.filter(workspace=workspace).exists():
        _write_fall(workspace, series[:-LATELY])
        series = series[-LATELY:]
    record_series(workspace, series, interval_seconds=1800)


def _write_fall(workspace, series):
    readings = BalanceReading.objects.bulk_create(
        BalanceReading(workspace=workspace, credits=balance, first_read_at=at, read_at=at) for at, balance in series
    )
    settled = {"workspace": workspace, "certainty": Certainty.CERTAIN, "is_settled": True}
    BalanceChange.objects.bulk_create(
        BalanceChange(
            reading=after,
            since=before.read_at,
            until=after.read_at,
            before=before.credits,
            after=after.credits,
            **settled,
        )
        for before, after in pairwise(readings)
    )
    hours = {}
    for before, after in pairwise([*readings[:1], *readings]):
        start, hour = before.read_at, hour_of(after.read_at)
        first = BalanceHour(workspace=workspace, hour=hour, lowest=after.credits, highest=after.credits)
        row = hours.setdefault(hour, first)
        if start < hour:
            hours[hour - HOUR].covered_seconds += (hour - start).total_seconds()
        row.lowest = row.closing = after.credits
        row.spent += before.credits - after.credits
        row.covered_seconds += (after.read_at - max(start, hour)).total_seconds()
    BalanceHour.objects.bulk_create(hours.values())


def write_steady(workspace, until, hours=192, opening=9000, an_hour=10):
    """Write what an even fall leaves (first and last reading, and hours) directly: ingesting it takes long."""
    begin, left = until - timedelta(hours=hours), Decimal(opening - hours * an_hour)
    BalanceReading.objects.create(workspace=workspace, credits=opening, first_read_at=begin, read_at=begin)
    facts = {"workspace": workspace, "spent": an_hour, "covered_seconds": 3600}
    facts |= dict.fromkeys(("lowest", "highest", "closing"), left)
    BalanceHour.objects.bulk_create(BalanceHour(hour=begin + timedelta(hours=n), **facts) for n in range(hours))
    BalanceReading.objects.create(workspace=workspace, credits=left, first_read_at=until, read_at=until)
