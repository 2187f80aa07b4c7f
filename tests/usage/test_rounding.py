"""Estimates have no digits that nobody can know."""

from decimal import Decimal

import pytest

from usage.rounding import round_estimate, round_range


@pytest.mark.parametrize(
    ("exact", "spread", "told"),
    [("9299.0535", "371.5", 9299), ("2504.31", "2507", 2500), ("12346", "40001", 12_300), ("11.6", "2", 12)],
)
def test_an_estimate_is_told_in_steps_of_its_uncertainty(exact, spread, told):
    assert round_estimate(Decimal(exact), Decimal(spread)) == told


def test_its_range_is_of_whole_credits_and_never_shrinks():
    assert round_range(Decimal("9150.9"), Decimal("9521.1")) == (9150, 9522)


def test_what_is_known_keeps_its_digits():
    exact = Decimal("50.1234"), Decimal("51.9")
    assert round_range(*exact) == exact
    assert round_estimate(exact[0], Decimal("1.9")) == exact[0]
