"""What was used of a budget, and what will have been: against what is known of the account."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.usage.balance_history import record_series, write_steady
from tests.usage.changes.test_interpretation import TABLE
from tests.usage.synthetic_account import SyntheticAccount
from usage.budgets.consumption import usage_by_workspace, usage_history
from usage.budgets.periods import Period
from usage.budgets.status import budget_statuses
from usage.forecast.runway import learn_burn
from usage.models import BalanceReading, Budget
from usage.page.overview import budget_bar
from workspaces.models import Workspace

HOUR = timedelta(hours=1)


def standing_of(workspace, now):
    return budget_statuses([workspace], now).get(workspace.pk)


@pytest.fixture
def budget(workspace):
    def make(amount=5000, length="month", zone=""):
        return Budget.objects.create(workspace=workspace, credits=Decimal(amount), length=length, time_zone=zone)

    return make


def period(start, end=None):
    return Period("month", start.date(), start, end or start + timedelta(days=31))


def used(workspace, start):
    reading = BalanceReading.objects.latest_of(workspace)
    return usage_by_workspace({workspace.pk: period(start)}, {workspace.pk: reading})[workspace.pk]


@pytest.mark.parametrize(
    "name",
    [
        "a steady burn",
        "auto-recharge of 2,000 below a burn of 3,000 an hour",
        "auto-recharge hidden in falls, with the cost of a call known",
        "a top-up hidden in even falls, the first of all",
        "a settlement after three hours that nobody tells of",
        "hourly bulk calls that find little",
    ],
)
def test_what_was_used_is_the_truth_or_a_range_that_holds_it(workspace, name):
    kind, make = TABLE[name]
    account = make().play(workspace)
    found = used(workspace, account.begin - HOUR)
    assert found.low <= account.spent * Decimal("1.01")
    assert found.high >= account.spent * Decimal("0.99")
    if kind == "told":
        assert abs(found.credits - account.spent) <= account.spent / 100
    assert found.since == account.begin


def test_a_period_that_begins_in_the_middle_counts_only_what_was_spent_in_it(workspace):
    account = SyntheticAccount(minutes=240).burn(120).top_up(152, 6000).play(workspace)
    found = used(workspace, account.at(120))
    assert abs(found.credits - 240) <= 10
    assert found.since == account.at(120)


def test_the_live_figure_and_the_one_of_the_past_agree(workspace, time_machine, now):
    time_machine.move_to(now := now.replace(day=1) - timedelta(days=10))  # all of it in one month
    SyntheticAccount(opening=Decimal(4000), minutes=300, step=5, blind=[(100, 140)]).recharge(1000, 2000, 3000).play(
        workspace
    )
    budget = Budget(workspace=workspace, credits=5000)
    *_, (at, found_in, most) = usage_history(workspace, budget, now, timezone.now())
    found = used(workspace, found_in.start)
    assert found.is_range
    assert most == found.high
    assert at <= timezone.now()


def test_a_gap_over_midnight_is_a_range_between_none_of_it_and_all(workspace, now):
    record_series(workspace, [(now - timedelta(minutes=age), left) for age, left in ((90, 1000), (30, 400), (29, 390))])
    found = used(workspace, now - timedelta(minutes=45))
    assert (found.low, found.high) == (10, 610)
    assert found.credits == 160  # a quarter of the hour lies in the period
    assert used(workspace, now - timedelta(minutes=91)).low == 610


def test_what_lands_meanwhile_counts_the_next_time(workspace, now):
    record_series(workspace, [(now - timedelta(minutes=age), left) for age, left in ((9, 1000), (8, 900))])
    before = BalanceReading.objects.latest_of(workspace)
    record_series(workspace, [(now - timedelta(minutes=7), 10_900)])
    found = usage_by_workspace({workspace.pk: period(now - HOUR)}, {workspace.pk: before})[workspace.pk]
    assert found.high == 100


def test_before_the_first_reading_nothing_is_known(workspace, budget, now):
    budget()
    found = standing_of(workspace, now)
    assert (found.used, found.end, found.fraction, found.is_close) == (None, None, None, False)
    assert "an unknown number of 5,000 credits" in found.words


def test_without_a_budget_there_is_no_standing_and_one_query_tells_so(workspace, now, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert standing_of(workspace, now) is None


def test_what_was_spent_before_the_console_watched_is_said_to_be_unknown(workspace, budget):
    start = budget().period_at(timezone.now() - timedelta(days=60)).start
    record_series(workspace, [(start + timedelta(days=9), 1000), (start + timedelta(days=9, minutes=1), 990)])
    found = standing_of(workspace, start + timedelta(days=9, minutes=2))
    assert found.is_partial
    assert (found.used.credits, found.used.since) == (10, start + timedelta(days=9))
    record_series(workspace, [(start - HOUR, 5)])
    assert not standing_of(workspace, start + timedelta(days=40)).is_partial


def test_in_a_month_in_which_nothing_was_read_yet_nothing_is_claimed(workspace, budget):
    end = budget().period_at(timezone.now() - timedelta(days=60)).end
    record_series(workspace, [(end - timedelta(minutes=3), 1000), (end - timedelta(minutes=1), 990)])
    found = standing_of(workspace, end + timedelta(minutes=5))
    assert found.is_unread
    assert found.used.credits == 0


def steady(workspace, end_of_month, days_left):
    """A burn of 10 credits an hour for eight days, up to so many days before the month ends."""
    now = end_of_month - timedelta(days=days_left)
    write_steady(workspace, now)
    learn_burn(workspace, now)
    return now


def test_the_forecast_for_the_end_is_what_arithmetic_says(workspace, budget):
    end = budget().period_at(timezone.now() - timedelta(days=60)).end
    now = steady(workspace, end, 10)
    found = standing_of(workspace, now).end
    assert abs(found.median - (1920 + 2400)) < 150
    assert found.low < found.median < found.high
    assert not found.is_rough


@pytest.mark.parametrize(("days_left", "is_open"), [(4, False), (5, True)])
def test_for_longer_than_half_of_what_was_watched_more_may_come_than_was_seen(workspace, budget, days_left, is_open):
    end = budget(20_000).period_at(timezone.now() - timedelta(days=60)).end
    found = standing_of(workspace, steady(workspace, end, days_left))
    assert found.end.is_open == is_open
    assert ("80% between " in found.outlook_words, ", or more if " in found.outlook_words) == (True, is_open)
    assert budget_bar(found).goes_on == is_open


def test_what_was_spent_since_the_last_reading_is_part_of_the_forecast(workspace, budget):
    end = budget().period_at(timezone.now() - timedelta(days=60)).end
    now = steady(workspace, end, 10)
    sooner, later = standing_of(workspace, now).end, standing_of(workspace, now + timedelta(days=1)).end
    assert sooner.median == later.median


def test_it_is_close_from_eighty_per_cent_on_or_when_the_forecast_passes_it(workspace, budget):
    one = budget(100_000)
    end = one.period_at(timezone.now() - timedelta(days=60)).end
    now = steady(workspace, end, 10)
    for amount, is_close, is_passed in (
        (5000, False, False),
        (4000, True, False),
        (2400, True, False),
        (1900, True, True),
    ):
        Budget.objects.update(credits=amount)
        found = standing_of(workspace, now)
        assert (found.is_close, found.is_passed) == (is_close, is_passed), amount
    assert found.fraction == Decimal(1920) / 1900


@pytest.mark.parametrize(("left", "is_close"), [(921, False), (920, True), (899, True)])
def test_while_nothing_is_forecast_four_fifths_are_close(workspace, budget, now, left, is_close):
    at = budget(100).period_at(now - timedelta(days=60)).start + timedelta(days=9)
    record_series(workspace, [(at - timedelta(minutes=2), 1000), (at - timedelta(minutes=1), left)])
    found = standing_of(workspace, at)
    assert (found.outlook, found.is_close, found.is_passed) == (None, is_close, left < 900)


def test_a_learned_standing_takes_the_same_queries_for_many_workspaces(workspace, now, django_assert_num_queries):
    def made(count):
        for number in range(Workspace.objects.count(), count):
            one = Workspace.objects.create(name=f"W{number}", slug=f"w{number}", base_url=workspace.base_url)
            zone = ("", "Europe/Vienna", "Asia/Kolkata")[number % 3]
            Budget.objects.create(workspace=one, credits=100, length=("week", "month")[number % 2], time_zone=zone)
            record_series(one, [(now - timedelta(days=40), 900), (now - HOUR, 500 - number)])
            learn_burn(one, now)
        return Workspace.objects.exclude(pk=workspace.pk)

    for count in (3, 10):
        rows = list(made(count))
        with django_assert_num_queries(7):
            found = budget_statuses(rows, now)
            assert all(one.outlook is None or one.outlook.high >= 0 for one in found.values())
        assert len(found) == count - 1


@pytest.mark.parametrize("count", [2, 3000])
def test_budgets_of_thousands_of_workspaces_take_as_many_queries_as_of_two(
    workspace, now, count, django_assert_num_queries
):
    """Each starts at a time of its own, as with time zones: one condition each was too deep for SQLite."""
    known = [Workspace(name=f"{n}", slug=f"one-{n}", base_url=workspace.base_url) for n in range(count)]
    Workspace.objects.bulk_create(known)
    made = [(place, one, seen) for place, one in enumerate(known) for seen in (2, 1)]
    at = {(place, seen): now - seen * HOUR - timedelta(seconds=place) for place, _, seen in made}
    BalanceReading.objects.bulk_create(
        BalanceReading(
            workspace=one, credits=100 * seen + place, first_read_at=at[place, seen], read_at=at[place, seen]
        )
        for place, one, seen in made
    )
    latest = {row.workspace_id: row for row in BalanceReading.objects.order_by("first_read_at")}
    periods = {one.pk: period(now - HOUR - timedelta(seconds=place + 1)) for place, one in enumerate(known)}
    with django_assert_num_queries(3):
        found = usage_by_workspace(periods, latest)
    assert len(found) == count
    assert {(one.credits, one.since) for one in found.values()} == {(100, begin.start) for begin in periods.values()}
