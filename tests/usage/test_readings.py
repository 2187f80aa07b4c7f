from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from core.db.rollups import hour_of
from tests.usage import balance_history
from tests.usage.balance_history import record_series, record_steady
from usage import readings as recording
from usage.models import BalanceChange, BalanceHour, BalanceReading


def test_a_balance_that_stays_is_one_row(workspace, readings):
    readings(dict.fromkeys(range(60, 0, -1), 500))
    assert BalanceReading.objects.count() == 1


def test_the_same_reading_twice_changes_nothing(workspace, now):
    record_series(workspace, [(now, 500), (now, 500), (now, 400)])
    assert [row.credits for row in BalanceReading.objects.all()] == [500]
    assert BalanceHour.objects.get().spent == 0


def test_a_late_reading_of_an_earlier_moment_is_ignored(workspace, readings):
    readings({5: 500, 4: 480, 6: 900})
    assert BalanceReading.objects.latest_of(workspace).credits == 480


def test_a_pause_longer_than_three_intervals_is_a_gap_even_where_the_number_stays(workspace, readings):
    readings({30: 500, 29: 500, 10: 500})
    assert list(BalanceReading.objects.order_by("pk").values_list("gap_seconds", flat=True)) == [0, 19 * 60]


def test_two_missed_readings_are_no_gap(workspace, readings):
    readings({30: 500, 27: 500})
    assert BalanceReading.objects.get().gap_seconds == 0


def test_a_rise_above_the_recent_peak_is_a_top_up(workspace, readings):
    readings({30: 500, 29: 480, 28: 10480})
    assert BalanceReading.objects.latest_of(workspace).change.topped_up == 10000


def test_credits_that_a_finished_workflow_gives_back_are_no_top_up(workspace, readings):
    readings({30: 5000, 29: 2250, 28: 4980})
    hour_rows = BalanceHour.objects.all()
    assert not BalanceChange.objects.top_ups().exists()
    assert sum(row.spent for row in hour_rows) == 20
    assert sum(row.returned for row in hour_rows) == 2730


def test_what_comes_back_from_before_the_history_began_is_no_top_up(workspace, readings):
    readings({30: 9500, 29: 9501, 28: 9600})
    assert not BalanceChange.objects.top_ups().exists()
    readings({27: 10600})
    assert BalanceChange.objects.top_ups().get().topped_up == 1000


def test_a_small_top_up_is_seen_once_the_history_is_an_hour_old(workspace, readings):
    readings(dict.fromkeys(range(90, 0, -1), 9500) | {0: 9501})
    assert BalanceChange.objects.top_ups().get().topped_up == 1


def test_hours_hold_what_was_spent_and_how_much_was_covered(workspace, now):
    hour = now.replace(minute=0, second=0) - timedelta(hours=2)
    series = [(hour + timedelta(minutes=minute), 1000 - minute) for minute in range(61)]
    record_series(workspace, series)
    first = BalanceHour.objects.get(hour=hour)
    assert (first.spent, first.covered_seconds) == (Decimal(59), 3600)
    assert (first.highest, first.lowest, first.closing) == (1000, 941, 941)


def test_a_fall_found_after_a_gap_belongs_to_no_hour_of_the_pattern(workspace, readings):
    readings({600: 500, 599: 490, 1: 300})
    rows = BalanceHour.objects.all()
    assert sum(row.spent for row in rows) == 10
    assert sum(row.spent_in_gap for row in rows) == 190


def test_readings_older_than_five_weeks_are_thinned_to_one_an_hour(workspace, now):
    old = now.replace(minute=0, second=0) - timedelta(days=35)
    record_series(workspace, [(old - timedelta(hours=1), 2000)])
    record_series(workspace, [(old + timedelta(minutes=minute), 1000 - minute) for minute in range(60)])
    record_series(workspace, [(old + timedelta(days=35, minutes=1), 500)])
    kept = BalanceReading.objects.filter(first_read_at__gte=old, first_read_at__lt=old + timedelta(hours=1))
    # The first one follows a gap, which is kept as well.
    assert [row.credits for row in kept.order_by("first_read_at")] == [1000, 941]
    assert BalanceHour.objects.get(hour=old).spent == 59


@pytest.mark.parametrize("seed", range(5))
def test_the_quick_way_for_a_balance_that_stays_writes_what_the_general_one_does(workspace, now, monkeypatch, seed):
    random = Random(seed)
    begin, balance, series = now - timedelta(hours=5), 500, []
    for _ in range(120):
        begin += timedelta(seconds=random.choice([20, 60, 60, 90, 150, 400]))
        balance += random.choice([0, 0, 0, 0, -7, 300])
        series.append((begin, balance))
    record_series(workspace, series)
    quickly = rows_of(workspace)
    for model in (BalanceChange, BalanceReading, BalanceHour):
        model.objects.filter(workspace=workspace).delete()
    monkeypatch.setattr(recording, "_prolong", lambda *_: False)
    record_series(workspace, series)
    assert quickly == rows_of(workspace)
    assert len(quickly[1]) > 2


def test_each_hour_is_covered_by_its_own_time_even_if_its_row_is_there_before(workspace, now):
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    BalanceHour.objects.create(workspace=workspace, hour=hour, lowest=500, highest=500, closing=500)
    record_series(workspace, [(hour - timedelta(minutes=2), 500), (hour + timedelta(minutes=1), 500)])
    covered = dict(BalanceHour.objects.values_list("hour", "covered_seconds"))
    assert covered == {hour - timedelta(hours=1): 120, hour: 60}


def rows_of(workspace):
    hours = BalanceHour.objects.filter(workspace=workspace).order_by("hour")
    readings = BalanceReading.objects.of(workspace).order_by("first_read_at")
    return (
        list(readings.values_list("credits", "first_read_at", "read_at", "gap_seconds")),
        [{**row, "covered_seconds": pytest.approx(row["covered_seconds"])} for row in hours.values(*HOUR_FIELDS)],
    )


HOUR_FIELDS = ("hour", "lowest", "highest", "closing", "spent", "spent_in_gap", "returned", "covered_seconds")


@pytest.mark.parametrize("minute", [0, 17, 30])
def test_what_is_written_of_a_long_fall_is_what_its_readings_leave(workspace, now, minute, monkeypatch):
    until = hour_of(now) - timedelta(hours=1, minutes=-minute)
    written = []
    for lately in (12, 1000):
        monkeypatch.setattr(balance_history, "LATELY", lately)
        record_steady(workspace, until, hours=26)
        written.append([whole_rows(model, workspace) for model in (BalanceReading, BalanceChange, BalanceHour)])
        BalanceReading.objects.all().delete()
        BalanceHour.objects.all().delete()
    assert written[0] == written[1]
    assert [len(rows) for rows in written[0]] == [53, 52, 27]


def whole_rows(model, workspace):
    """Return the rows in order of time, without numbers of their own."""
    order = {BalanceReading: "read_at", BalanceChange: "until", BalanceHour: "hour"}[model]
    rows = model.objects.filter(workspace=workspace).order_by(order).values()
    return [{name: value for name, value in row.items() if name not in {"id", "reading_id"}} for row in rows]
