"""The base of thresholds in per cent: the same for the rule as it is and for what it would have done."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import F

from usage import burn
from usage.models import BalanceChange
from usage.readings import record_reading

# In the middle of the past, at the beginning of an hour.
HOUR = datetime(2026, 3, 3, 10, tzinfo=UTC)
PAST = {
    "a high later in the hour of the top-up": [(0, 9000), (62, 300), (70, 8300), (75, 8900), (90, 8000)],
    "a high before the top-up in its hour": [(0, 9000), (62, 8990), (70, 300), (80, 5300), (90, 5200)],
    "a high later in another hour": [(0, 9000), (62, 300), (70, 8300), (130, 8200), (140, 8600), (150, 8100)],
    "small beside the highest, large beside the last": [(0, 50_000), (30, 300), (60, 20_300), (90, 400), (150, 7400)],
    "no top-up": [(0, 9000), (62, 8990), (70, 8980)],
}


LARGEST = {
    "a high later in the hour of the top-up": 8900,
    "a high before the top-up in its hour": 5300,
    "a high later in another hour": 8600,
    "small beside the highest, large beside the last": 20_300,
    "no top-up": 9000,
}


@pytest.fixture(params=PAST)
def past(request, workspace):
    """Ingest it; rises of at least 5,000 are top-ups."""
    rows = [(HOUR + timedelta(minutes=minute), Decimal(balance)) for minute, balance in PAST[request.param]]
    for at, balance in rows:
        record_reading(workspace, balance, at, 3600)
    rise = F("after") - F("before")
    bought = BalanceChange.objects.filter(after__gte=F("before") + 5000)
    bought.update(topped_up=rise, top_up_low=rise, top_up_high=rise)
    return request.param, rows


def test_both_ways_to_ask_for_it_agree_at_every_reading(workspace, past):
    _, rows = past
    told = {at: (balance, peak) for at, balance, peak in burn.past_peaks(workspace, rows[0][0], rows[-1][0])}
    assert list(told) == [at for at, _ in rows]
    assert all(peak >= balance for balance, peak in told.values())
    name, _ = past
    assert [peak for _, peak in told.values()][-1] == burn.last_peak(workspace, rows[-1][0]) == LARGEST[name]
