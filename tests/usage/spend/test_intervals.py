"""How far shares can be off, on falls whose truth is known."""

import random

import pytest

from usage.spend.attribution import BalanceFall, UsualCost, attribute, build_spans
from usage.spend.intervals import estimate_uncertainty, spend_estimates, unexplained_range

MOST = {"one": 250.0, "two": 250.0, "three": 250.0}


def told(falls, calls, usual=None):
    found, _ = build_spans(falls, sorted(calls), 60)
    shares = attribute(found, MOST, usual)
    return shares, estimate_uncertainty(found, shares, MOST, usual)


def rows(falls, calls, usual=None):
    return {part.names: part for part in spend_estimates(*told(falls, calls, usual), lambda source: source)}


def minutes(costs):
    """A fall a minute; each minute has the calls that ``costs`` names, with what they cost."""
    falls = [BalanceFall(60 * n, 60 * n + 60, float(sum(of.values()))) for n, of in enumerate(costs)]
    return falls, [(60 * n + 30, name) for n, of in enumerate(costs) for name in of]


def test_keys_that_never_call_together_are_told_to_the_credit():
    found = rows(*minutes([{"one": 40}, {"two": 7}, {}, {"one": 60}, {"two": 5}, {}] * 5))
    assert found[("one",)].credits == pytest.approx(500, rel=0.01)
    assert found[("two",)].credits == pytest.approx(60, rel=0.02)
    assert found[("two",)].high < 75


def test_keys_that_always_call_together_are_one_row_which_is_sure():
    rng = random.Random(1)
    falls, calls = minutes([{"one": rng.randint(20, 60), "two": rng.randint(0, 9)} if n % 3 else {} for n in range(60)])
    found = rows(falls, calls)
    [part] = [one for names, one in found.items() if set(names) == {"one", "two"}]
    truth = sum(fall.spent for fall in falls)
    assert part.low <= truth <= part.high
    assert part.high - part.low < 0.2 * truth


def test_a_key_without_a_call_gets_nothing_not_even_a_row():
    found = rows(*minutes([{"one": 40}, {}] * 5))
    assert set(found) == {("one",)}


def test_what_known_calls_cost_tells_the_rest_apart():
    costs = [{"one": 40, "two": 1}, {}] * 10
    usual = {"one": UsualCost(20, 40.0, 1.0), "two": UsualCost(20, 1.0, 0.5)}
    found = rows(*minutes(costs), usual)
    assert found[("one",)].low <= 400 <= found[("one",)].high
    assert found[("two",)].credits == pytest.approx(10, abs=3)
    assert found[("two",)].high < 25


@pytest.mark.parametrize("seed", range(4))
def test_ranges_hold_the_truth_in_nine_cases_of_ten(seed):
    rng, held, cases = random.Random(seed), 0, 0
    for _ in range(10):
        costs = [
            {
                name: rng.uniform(0, 2 * cost)
                for name, cost in (("one", 40), ("two", 10), ("three", 0.5))
                if rng.random() < 0.3
            }
            for _ in range(120)
        ]
        for names, part in rows(*minutes(costs)).items():
            truth = sum(of.get(name, 0) for of in costs for name in names)
            held, cases = held + (part.low <= truth <= part.high), cases + 1
    assert held / cases >= 0.9, f"{held} of {cases} ranges hold the truth"


def test_what_no_call_explains_has_a_range_too():
    falls, calls = minutes([{"one": 40}, {}] * 10)
    falls = [BalanceFall(fall.since, fall.until, fall.spent + 6) for fall in falls]
    shares, doubt = told(falls, calls)
    low, high = unexplained_range(shares.unexplained, shares, doubt)
    assert 40 < low < 120 < high < 200


def test_a_top_up_that_may_be_hidden_widens_the_range_of_who_called_then():
    falls, calls = minutes([{"one": 40}, {}, {"two": 10}, {}] * 5)
    falls[0] = BalanceFall(0, 60, 40.0, more=500.0)
    found = rows(falls, calls)
    assert found[("one",)].high > 250
    assert found[("two",)].high < 100
