"""A balance that was read while the clock was ahead: nothing is held up, and nothing spent is lost."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core import clock
from core.db.rollups import hour_of
from tests.usage.balance_history import record_series
from usage import readings as history
from usage.forecast.runway import learn_burn
from usage.models import BalanceChange, BalanceHour, BalanceReading, BurnPattern

AHEAD = [timedelta(minutes=10), timedelta(hours=3), timedelta(days=30)]


@pytest.fixture
def misdated(workspace):
    """Read four balances a minute apart, of which a clock that is ahead dates the last three."""

    def misdated(ahead):
        now = clock.now()
        record_series(workspace, [(now - timedelta(minutes=age), value) for age, value in ((4, 500), (3, 490))])
        record_series(workspace, [(now - timedelta(minutes=age), value) for age, value in ((2, 470), (1, 440))])
        late = BalanceReading.objects.filter(credits__lt=490)
        for row in late:
            at = row.first_read_at + ahead
            BalanceReading.objects.filter(pk=row.pk).update(first_read_at=at, read_at=at)
            BalanceChange.objects.filter(reading=row).update(until=at)
        if ahead > timedelta(hours=1):
            facts = {"lowest": 440, "highest": 470, "closing": 440, "spent": 50, "covered_seconds": 120}
            BalanceHour.objects.update(spent=0)
            BalanceHour.objects.filter(hour=hour_of(now - timedelta(minutes=3))).update(spent=10)
            BalanceHour.objects.create(workspace=workspace, hour=hour_of(now + ahead), **facts)
        BurnPattern.objects.update_or_create(workspace=workspace, defaults={"hour": now + ahead, "hours_seen": 1})

    return misdated


def assert_right(workspace):
    now = clock.now()
    assert not BalanceReading.objects.filter(read_at__gt=now).exists()
    assert not BalanceReading.objects.filter(first_read_at__gt=now).exists()
    assert not BalanceChange.objects.filter(until__gt=now).exists()
    assert not BalanceHour.objects.filter(hour__gt=now).exists()
    assert (
        sum(BalanceHour.objects.values_list("spent", flat=True))
        == 500 - BalanceReading.objects.latest_of(workspace).credits
    )


@pytest.mark.parametrize("ahead", AHEAD)
def test_the_next_reading_is_the_latest_one_whatever_was_dated_after_it(workspace, misdated, ahead):
    misdated(ahead)
    history.record_reading(workspace, Decimal(435), clock.now())
    assert BalanceReading.objects.latest_of(workspace).credits == 435
    assert BalanceReading.objects.latest_of(workspace).change.before == 440
    assert_right(workspace)


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_was_dated_ahead_is_mended_before_anything_else_is_read(workspace, misdated, ahead):
    misdated(ahead)
    assert clock.repair_future_times() > 0
    assert BalanceReading.objects.latest_of(workspace).credits == 440
    assert_right(workspace)
    assert clock.repair_future_times() == 0


def test_a_burn_that_was_learned_ahead_of_its_time_is_learned_anew(workspace, misdated):
    misdated(timedelta(days=30))
    clock.repair_future_times()
    learn_burn(workspace, clock.now())
    assert BurnPattern.objects.get().hour <= clock.now()
