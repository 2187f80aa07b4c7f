from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.credits import ledger
from sandbox.credits.ledger import InsufficientCredits

from .conftest import ORGANIZATION


def balance_and_total(store):
    with store.reading() as session:
        return ledger.balance(session, ORGANIZATION), ledger.sum_of_entries(session, ORGANIZATION)


def test_a_reservation_is_returned_except_for_the_cost(funded):
    with funded.session() as session:
        ledger.reserve(session, ORGANIZATION, Decimal(110), "w1")
        assert ledger.balance(session, ORGANIZATION) == 890
        ledger.settle(session, ORGANIZATION, Decimal(110), Decimal(21), "w1")
    assert balance_and_total(funded) == (979, 979)


def test_too_few_credits_report_the_shortfall_and_reserve_nothing(funded):
    with funded.session() as session, pytest.raises(InsufficientCredits) as refused:
        ledger.reserve(session, ORGANIZATION, Decimal(1011), "w1")
    assert (refused.value.estimated, refused.value.available, refused.value.shortfall) == (1011, 1000, 11)
    assert balance_and_total(funded) == (1000, 1000)


def test_setting_the_balance_is_an_entry_too(funded):
    with funded.session() as session:
        assert ledger.set_balance(session, ORGANIZATION, Decimal("12.5")) == Decimal("12.5")
    assert balance_and_total(funded) == (Decimal("12.5"), Decimal("12.5"))


@pytest.mark.parametrize("wrong", [Decimal(-1), Decimal(111)])
def test_a_cost_outside_of_the_reservation_is_refused(funded, wrong):
    with funded.session() as session, pytest.raises(ValueError, match="do not fit"):
        ledger.settle(session, ORGANIZATION, Decimal(110), wrong, "w1")


def test_an_unknown_organization_is_an_error(store):
    with store.session() as session, pytest.raises(LookupError, match="org_none"):
        ledger.reserve(session, "org_none", Decimal(1), "w1")


def test_concurrent_reservations_never_overdraw(funded):
    def reserve(number):
        try:
            with funded.session() as session:
                ledger.reserve(session, ORGANIZATION, Decimal(30), f"w{number}")
        except InsufficientCredits:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(reserve, range(60)))
    assert taken == 33
    assert balance_and_total(funded) == (10, 10)


amounts = st.decimals(min_value=0, max_value=500, places=2)
steps = st.lists(st.tuples(amounts, amounts), max_size=12)


@given(steps)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_entries_always_add_up_to_the_balance(funded, pairs):
    for number, (reserved, found) in enumerate(pairs):
        with funded.session() as session:
            try:
                ledger.reserve(session, ORGANIZATION, reserved, str(number))
            except InsufficientCredits:
                ledger.grant(session, ORGANIZATION, Decimal(500))
                continue
            ledger.settle(session, ORGANIZATION, reserved, min(found, reserved), str(number))
    now, entries = balance_and_total(funded)
    assert now == entries
    assert now >= 0
