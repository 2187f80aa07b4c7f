"""A past of the balance for tests, by the same way in as real readings."""

from datetime import timedelta
from decimal import Decimal

from usage.models import BalanceHour, BalanceReading
from usage.readings import record_reading


def record_series(workspace, series, interval_seconds=60):
    """Record ``(time, credits)`` in order; times further apart than three intervals leave a gap."""
    for moment, balance in series:
        record_reading(workspace, Decimal(balance), moment, interval_seconds)


def record_steady(workspace, until, hours=72, opening=5000, an_hour=10):
    """Record a balance that falls evenly, read twice an hour, up to ``until``."""
    start = until - timedelta(hours=hours)
    moments = [(start + timedelta(minutes=30 * n), Decimal(n * an_hour) / 2) for n in range(2 * hours + 1)]
    record_series(workspace, [(at, Decimal(opening) - fallen) for at, fallen in moments], interval_seconds=1800)


def write_steady(workspace, until, hours=192, opening=9000, an_hour=10):
    """Write what an even fall leaves (first and last reading, and hours) directly: ingesting it takes long."""
    begin, left = until - timedelta(hours=hours), Decimal(opening - hours * an_hour)
    BalanceReading.objects.create(workspace=workspace, credits=opening, first_read_at=begin, read_at=begin)
    facts = {"workspace": workspace, "spent": an_hour, "covered_seconds": 3600}
    facts |= dict.fromkeys(("lowest", "highest", "closing"), left)
    BalanceHour.objects.bulk_create(BalanceHour(hour=begin + timedelta(hours=n), **facts) for n in range(hours))
    BalanceReading.objects.create(workspace=workspace, credits=left, first_read_at=until, read_at=until)
