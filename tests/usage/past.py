"""A past of the balance for tests, by the same way in as real readings."""

from datetime import timedelta
from decimal import Decimal

from usage.readings import record


def record_series(workspace, series, interval_seconds=60):
    """Record ``(moment, credits)`` in order; moments further apart than three intervals leave a gap."""
    for moment, balance in series:
        record(workspace, Decimal(balance), moment, interval_seconds)


def record_steady(workspace, until, hours=72, opening=5000, an_hour=10):
    """Record a balance that falls evenly, read twice an hour, up to ``until``."""
    start = until - timedelta(hours=hours)
    moments = [(start + timedelta(minutes=30 * n), Decimal(n * an_hour) / 2) for n in range(2 * hours + 1)]
    record_series(workspace, [(at, Decimal(opening) - fallen) for at, fallen in moments], interval_seconds=1800)
