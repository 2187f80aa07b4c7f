import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from tests.keys.conftest import log_request, make_key, note_poll, text_of
from tests.usage.balance_history import record_series, record_steady
from usage.credit_status import credit_statuses
from usage.forecast.runway import (
    BEYOND,
    ONE_BATCH,
    YOUNG,
    Burn,
    burn_of,
    days_left,
    forecast,
    learn_burn,
    runway,
    stored_runway,
)
from usage.models import BalanceHour
from workspaces.models import Workspace

PERSON = "/api/v1/public/enrichment/person"


@pytest.fixture
def hour(now):
    return now.replace(minute=0, second=0)


@pytest.fixture
def calls(workspace, hour):
    """Log so many paid calls, one a quarter of an hour, back from the full hour."""

    def make(number, path=PERSON):
        key = make_key(workspace)
        note_poll(workspace, "requests", subject="a key", last_success_at=hour)
        for place in range(number):
            log_request(key, path=path, created_at=hour - timedelta(minutes=15 * place + 1))

    return make


@pytest.fixture
def batch(workspace, hour):
    """Record twenty days in which a single hour cost most."""
    facts = {"workspace": workspace, "lowest": 0, "highest": 0, "closing": 0, "covered_seconds": 3600}
    BalanceHour.objects.bulk_create(
        BalanceHour(hour=hour - timedelta(hours=age), spent=6000 if age == 200 else Decimal("0.5"), **facts)
        for age in range(480, 0, -1)
    )
    record_series(workspace, [(hour, 3000)])


def days(moment, now):
    return (moment - now) / timedelta(days=1)


def test_paid_calls_times_the_price_list_give_a_wide_runway_before_anything_fell(workspace, hour, calls):
    calls(96)
    record_series(workspace, [(hour - timedelta(minutes=30), 2000), (hour, 2000)])
    found = runway(workspace, now=hour)
    # Four calls an hour cost between 1 and 11 credits each, a day of them 96 to 1,056.
    assert days(found.early_at, hour) <= 2000 / 1056
    assert 2000 / 1056 < days(found.median_at, hour) < 2000 / 96
    assert days(found.late_at, hour) >= 2000 / 96
    assert found.caveat.startswith("provisional, from the paid calls of the log and their price")


def test_what_the_balance_fell_by_with_the_calls_is_the_likely_price(workspace, hour, calls):
    calls(96)
    record_steady(workspace, hour, hours=6, opening=2000, an_hour=8)
    found = runway(workspace, now=hour)
    assert days(found.median_at, hour) == pytest.approx(1952 / 8 / 24, rel=0.1)
    assert days(found.early_at, hour) < 1952 / 20 / 24
    assert days(found.late_at, hour) > 1952 / 3 / 24


def test_calls_of_unknown_size_never_cost_more_than_the_largest_bulk_request(workspace, hour, calls):
    calls(4, path="/api/v1/public/enrichment/by-task")
    record_series(workspace, [(hour - timedelta(minutes=30), 9000), (hour, 9000)])
    assert burn_of(workspace, hour).rates.high <= 4 * 2750 * 2


def test_without_a_log_the_first_falls_of_the_balance_give_it(workspace, hour):
    record_steady(workspace, hour, hours=5, opening=1000, an_hour=10)
    found = runway(workspace, now=hour)
    assert days(found.median_at, hour) == pytest.approx(950 / 10 / 24, rel=0.1)
    assert days(found.early_at, hour) < 950 / 30 / 24
    assert found.late_at > found.median_at + timedelta(days=8)


def test_a_provisional_runway_says_so_and_alerts_wait_for_the_learned_one(workspace, hour):
    record_steady(workspace, hour, hours=5, opening=1000, an_hour=10)
    [one] = credit_statuses([workspace], hour)
    assert one.runway.is_rough
    assert one.runway.caveat == "provisional, from the first falls of the balance: 5 hours of 48 are read"
    assert days_left(one.burn, Decimal(950), hour) is None
    assert one.unlearned == "available after 48 hours of data (5 so far)"


def test_from_48_hours_on_the_learned_runway_takes_its_place(workspace, hour, calls):
    calls(10)
    record_steady(workspace, hour, hours=50, opening=2000, an_hour=10)
    found = runway(workspace, now=hour)
    assert (found.is_rough, found.caveat) == (False, YOUNG)


def test_the_provisional_runway_is_kept_for_pages_like_the_learned_one(workspace, hour, django_assert_num_queries):
    record_steady(workspace, hour, hours=5, opening=1000, an_hour=10)
    fresh = runway(workspace, now=hour)
    learn_burn(workspace, hour)
    row = Workspace.objects.select_related("burn_pattern").get()
    with django_assert_num_queries(0):
        assert stored_runway(row, Decimal(950), hour) == fresh


def test_a_year_is_the_longest_for_a_provisional_runway_too(workspace, hour):
    record_steady(workspace, hour, hours=5, opening=1_000_000, an_hour=1)
    assert runway(workspace, now=hour).reason == BEYOND


def test_after_one_batch_the_runway_has_no_end_that_is_known_and_its_days_are_whole(workspace, hour, batch):
    found = runway(workspace, now=hour)
    assert (found.caveat, found.late_at, found.is_rough) == (ONE_BATCH, None, True)
    assert ((found.median_at - hour) % timedelta(days=1)) == timedelta(minutes=30)


def test_page_and_mail_say_less_than_one_cycle_seen_and_give_no_dates(workspace, hour, batch, client, viewer):
    learn_burn(workspace, hour)
    client.force_login(viewer)
    page = text_of(client.get(reverse("usage:overview", args=[workspace.slug])))
    assert "Less than one cycle seen" in page
    assert "no known latest date" in page
    [one] = credit_statuses([workspace], hour)
    facts = dict(one.facts)
    assert facts["About the forecast"].startswith("Less than one cycle seen")
    assert ":" not in facts["Runs out"]


def test_the_page_labels_a_provisional_runway_and_what_more_credits_would_give(workspace, hour, client, viewer):
    record_steady(workspace, hour, hours=5, opening=1000, an_hour=10)
    client.force_login(viewer)
    page = text_of(client.get(reverse("usage:overview", args=[workspace.slug]) + "?more=500"))
    assert "Provisional, from the first falls of the balance" in page
    assert "with 500 more, the credits run out <strong><time" in page
    assert "80% interval" not in page


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (lambda age: 60 if age < 120 else 20, "the burn changed at once about"),
        (lambda age: 20 * 1.03 ** (-age / 24), "the burn grows by about 2[23]% a week"),
        (lambda age: 20 * 0.97 ** (-age / 24), "the burn shrinks by about (19|20)% a week"),
        (lambda age: 4000 if age % 168 == 50 else 0.5, "a batch of about 4,000 credits comes about every 7 days"),
        (lambda _: 20, ""),
    ],
)
def test_what_is_not_the_usual_burn_is_said_in_plain_words(workspace, hour, spent, words):
    facts = {"workspace": workspace, "lowest": 0, "highest": 0, "closing": 0, "covered_seconds": 3600}
    BalanceHour.objects.bulk_create(
        BalanceHour(hour=hour - timedelta(hours=age), spent=Decimal(spent(age)), **facts) for age in range(960, 0, -1)
    )
    basis = forecast(burn_of(workspace, hour), Decimal(9000), [Decimal(0)], hour)[0].basis
    assert re.match(words, basis)
    assert bool(basis) == bool(words)


def test_what_is_reached_already_is_reached_for_a_provisional_burn_too(workspace, hour):
    record_steady(workspace, hour, hours=5, opening=1000, an_hour=10)
    found = forecast(burn_of(workspace, hour), Decimal(0), [Decimal(0)], hour)[0]
    assert (found.median_at, found.is_rough) == (hour, False)
    assert forecast(Burn(None, 5), Decimal(0), [Decimal(0)], hour)[0].median_at == hour
