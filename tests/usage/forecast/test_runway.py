import random
from datetime import timedelta
from decimal import Decimal
from statistics import median

import pytest

from bench import runway_backtest
from cleanlist import Balance
from tests.usage.balance_history import record_steady
from usage.forecast import STEP
from usage.forecast.runway import (
    BEYOND,
    NO_READING,
    NOT_FALLING,
    REACHED,
    burn_of,
    days_left,
    forecast,
    learn_burn,
    past_days,
    runway,
    runways_to,
    stored_burn,
    stored_runway,
)
from usage.models import BalanceHour, BurnPattern
from usage.polls import ingest_balance
from workspaces.models import Poll, Workspace


def test_without_a_reading_there_is_no_runway(workspace):
    assert runway(workspace).reason == NO_READING


def test_a_short_history_says_how_much_is_missing(workspace, now):
    now = now.replace(minute=0, second=0)
    record_steady(workspace, now, hours=5, an_hour=0)
    assert runway(workspace, now=now).reason == "available after 48 hours of data (5 so far)"


def test_an_even_fall_ends_when_arithmetic_says(workspace, now):
    record_steady(workspace, now, hours=96, opening=5960, an_hour=10)
    found = runway(workspace, now=now)
    assert abs(found.median_at - (now + timedelta(hours=500))) < timedelta(hours=25)
    assert found.early_at < found.median_at < found.late_at
    # Nobody is sure for longer than half of the hours that were watched.
    assert found.early_at == now + timedelta(hours=burn_of(workspace, now).hours_seen / 2)


def test_a_threshold_comes_before_zero(workspace, now):
    record_steady(workspace, now)
    upper, zero = runways_to(workspace, [Decimal(2000), Decimal(0)], now)
    assert upper.median_at < zero.median_at


def test_a_threshold_above_the_balance_is_reached_already(workspace, now):
    record_steady(workspace, now)
    found = runway(workspace, Decimal(9000), now)
    assert (found.reason, found.median_at) == (REACHED, now)


def test_a_balance_that_stays_has_no_end(workspace, now):
    record_steady(workspace, now, an_hour=0)
    assert runway(workspace, now=now).reason == NOT_FALLING


def test_beyond_a_year_no_date_is_given(workspace, now):
    record_steady(workspace, now, opening=1_000_000, an_hour=1)
    found = runway(workspace, now=now)
    assert (found.median_at, found.reason) == (None, BEYOND)


def test_a_runway_takes_three_queries_and_two_once_the_burn_is_learned(workspace, now, django_assert_num_queries):
    record_steady(workspace, now)
    with django_assert_num_queries(3):
        fresh = runway(workspace, now=now)
    learn_burn(workspace, now)
    with django_assert_num_queries(2):
        assert runway(workspace, now=now) == fresh


def test_each_workspace_learns_at_a_minute_of_its_own_so_that_not_all_do_at_the_full_hour(workspace, now):
    hour = now.replace(minute=0, second=0) - timedelta(hours=3)
    turn = timedelta(minutes=workspace.pk % 60)
    record_steady(workspace, hour - timedelta(minutes=1))
    learn_burn(workspace, hour - timedelta(minutes=1))
    learn_burn(workspace, hour + turn - timedelta(seconds=1))
    assert workspace.burn_pattern.hour < hour
    learn_burn(workspace, hour + turn)
    workspace.burn_pattern.refresh_from_db()
    assert workspace.burn_pattern.hour == hour


def test_what_was_learned_two_hours_ago_is_learned_anew(workspace, now):
    record_steady(workspace, now - timedelta(hours=30), hours=40)
    learn_burn(workspace, now - timedelta(hours=2))
    record_steady(workspace, now, hours=29, opening=4600)
    learn_burn(workspace, now)
    assert stored_burn(BurnPattern.objects.get()).pattern


def test_what_was_learned_answers_for_pages_of_many_workspaces_without_a_query(
    workspace, now, django_assert_num_queries
):
    record_steady(workspace, now)
    learn_burn(workspace, now)
    (row,) = Workspace.objects.select_related("burn_pattern")
    with django_assert_num_queries(0):
        found = stored_runway(row, Decimal(4280), now)
    assert found == runway(workspace, now=now)


def test_a_landed_balance_learns_the_burn(workspace, now):
    record_steady(workspace, now - timedelta(minutes=1))
    poll = Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60)
    ingest_balance(poll, Balance(organization_id="org_example", credits=Decimal(4279)), now)
    assert stored_runway(Workspace.objects.get(), Decimal(4279), now).median_at is not None


def test_the_past_says_when_the_runway_was_short(workspace, now):
    now = now.replace(minute=0, second=0)
    record_steady(workspace, now, hours=120, opening=1500)
    found = list(past_days(workspace, now - timedelta(days=30), now))
    assert found[0][0] >= now - timedelta(hours=72)
    short = [at for at, days in found if days < 2]
    assert abs(short[0] - (now - timedelta(hours=18))) < timedelta(hours=8)


def test_the_past_is_told_by_the_course_that_the_rule_would_have_gone_by(workspace, now):
    """After a step in the burn that is not the usual course."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    facts = {"workspace": workspace, "lowest": 0, "highest": 0, "closing": 9000, "covered_seconds": 3600}
    BalanceHour.objects.bulk_create(
        BalanceHour(hour=midnight - timedelta(hours=age), spent=60 if age <= 120 else 20, **facts)
        for age in range(960, 0, -1)
    )
    [*_, (at, days)] = past_days(workspace, midnight - timedelta(days=2), midnight)
    burn = burn_of(workspace, midnight)
    assert burn.pattern.model == STEP
    assert (at, days) == (midnight, days_left(burn, Decimal(9000), midnight))


@pytest.mark.parametrize("kind", ["steady", "weekday-only"])
def test_most_truths_lie_in_the_interval_and_the_median_beats_a_straight_line(kind):
    """A small edition of bench/runway_backtest.py."""
    rng = random.Random(f"suite/{kind}")
    found = runway_backtest.cases(runway_backtest.KINDS[kind](rng), rng)
    assert runway_backtest.inside(found) >= 0.6
    assert median(one.error for one in found) < median(one.linear_error for one in found) * 1.1


def test_a_batch_that_is_rarer_than_eight_weeks_is_known_from_the_dearest_hours_of_a_year(workspace, now):
    hour = now.replace(minute=0, second=0)
    batches = [hour - timedelta(weeks=weeks) for weeks in (44, 31, 18, 5)]
    quiet = [hour - timedelta(hours=age) for age in range(56 * 24, 0, -1)]
    facts = {"workspace": workspace, "lowest": 0, "highest": 0, "closing": 0, "covered_seconds": 3600}
    BalanceHour.objects.bulk_create(
        [BalanceHour(hour=at, spent=5000 if at in batches else 1, **facts) for at in {*batches, *quiet}]
    )
    learn_burn(workspace, hour)
    batch = stored_burn(BurnPattern.objects.get()).pattern.batch
    assert (batch.credits, batch.every, batch.last) == (5000, 13 * 168, batches[-1].timestamp() / 3600)
    assert forecast(burn_of(workspace, hour), Decimal(3000), [Decimal(0)], hour)[0].median_at > hour + timedelta(50)
