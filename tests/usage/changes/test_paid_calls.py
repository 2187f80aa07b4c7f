"""What calls of the log, known enrichments and sizes say of single changes; plain data, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from usage.changes.interpretation import interpret
from usage.changes.types import Change, EnrichmentCredits, Evidence, PaidCall

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
LOG = BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=9)
BULK = Decimal(2750)


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def history(opening, *falls, every=5):
    """Readings every few seconds, one for each of ``falls``; rises are negative."""
    found, balance = [], Decimal(opening)
    for number, fallen in enumerate(falls):
        found.append(Change(at(number * every), at((number + 1) * every), balance, balance - fallen))
        balance -= fallen
    return found


def test_a_call_of_which_the_enrichment_is_known_takes_nothing_beside_it():
    calls = [PaidCall(at(seconds), BULK, (230.0, 10.0)) for seconds in range(2, 90, 10)]
    works = [EnrichmentCredits(call.at, call.at + timedelta(seconds=1), BULK, Decimal(230), BULK) for call in calls]
    falls = [230, 0] * 9
    found = interpret(Evidence(history(50_000, *falls), calls, works, log=LOG))
    assert {one.high for one in found} == {0}


def test_a_call_near_the_border_of_two_changes_costs_what_it_costs_once():
    calls = [PaidCall(at(seconds), BULK, (2300.0, 20.0)) for seconds in (4, 14, 24)]
    found = interpret(Evidence(history(50_000, 2300, 0, 2300, 0, 2300), calls, log=LOG))
    assert {one.high for one in found} == {0}


def test_a_key_whose_enrichments_were_all_free_takes_nothing_with_its_other_calls():
    free = [PaidCall(at(seconds), BULK, None, "free") for seconds in range(60)]
    works = [EnrichmentCredits(call.at, call.at, Decimal(0), Decimal(0), Decimal(0)) for call in free[:5]]
    paid = PaidCall(at(61), Decimal(11), None, "paid")
    changes = history(50_000, 1100, -900, every=30)
    evidence = Evidence(changes, [*free, paid], works, log=LOG)
    assert interpret(evidence)[1].high <= 911
    assert interpret(Evidence(changes, [*free, paid], works[:4], log=LOG))[1].high > 100_000


def test_a_fall_far_below_what_its_calls_cost_may_hide_a_top_up_of_an_earlier_size():
    calls = [PaidCall(at(6), BULK, (2305.0, 60.0)), PaidCall(at(7), BULK, (2305.0, 60.0)), PaidCall(at(8), Decimal(11))]
    changes = history(20_000, 0, 2110)
    [_, found] = interpret(Evidence(changes, calls, log=LOG, sizes=[(at(-900), Decimal(2500))]))
    assert (found.topped_up, found.low, found.certainty) == (2500, 0, "uncertain")
    assert 2500 <= found.high < 3500
    [_, nothing] = interpret(Evidence(changes, calls[:1], log=LOG, sizes=[(at(-900), Decimal(2500))]))
    assert nothing.high == 0


def test_without_a_sign_of_more_a_fall_is_what_was_spent():
    [found] = interpret(Evidence(history(20_000, 2110), log=LOG, sizes=[(at(-900), Decimal(2500))]))
    assert (found.topped_up, found.high) == (0, 0)


def test_a_round_rise_from_nearly_nothing_is_a_top_up_of_that_size():
    changes = history(20_000, 0, 19_890, 0, -2500)
    [*_, blind] = interpret(Evidence(changes))
    assert (blind.topped_up, blind.high) == (2500, 2500)
    [*_, logged] = interpret(Evidence(changes, log=LOG))
    assert (logged.topped_up, logged.high, logged.certainty) == (2500, 2500, "likely")


def test_an_enrichment_that_ends_at_the_time_leaves_the_doubt_whether_credits_were_added():
    ended = EnrichmentCredits(None, at(13), None, None, BULK)
    for evidence in ({}, {"log": (LOG[0], at(3))}, {"log": LOG}):
        [*_, found] = interpret(Evidence(history(20_000, 0, 19_890, -2499), (), [ended], **evidence))
        assert (found.low, found.certainty) == (0, "uncertain")
        assert found.high >= 2499


def test_what_comes_back_is_laid_at_the_reservation_that_fits_it_best():
    changes = history(20_000, 17_800, 44, *[0] * 60, -31, every=10)
    [*_, found] = interpret(Evidence(changes))
    assert (found.topped_up, found.high, found.certainty) == (0, 0, "likely")


def test_a_single_fall_beyond_all_others_is_no_pace():
    changes = history(20_000, *[2, 0, 1] * 3, 19_800, -1, 0, -2500)
    [*_, one, _, found] = interpret(Evidence(changes, log=LOG))
    assert one.high <= 30
    assert (found.topped_up, found.certainty) == (2500, "likely")
    assert 0 <= found.low <= 2500 <= found.high < 2600


def test_a_round_rise_beside_a_small_burn_has_a_narrow_range_as_well():
    changes = history(20_000, 11, 0, 8, 19_800, -2494, 9, 11, every=6)
    found = interpret(Evidence(changes))[4]
    assert (found.topped_up, found.low) == (2500, 0)
    assert 2500 <= found.high < 2600


def test_a_single_quick_fall_among_a_few_is_no_pace_either():
    changes = history(20_000, 2, 1, 19_800, -2500, 2, 1, 2600)
    assert (found := interpret(Evidence(changes))[3]).topped_up == 2500
    assert found.high < 2600


def top_up_after_a_drop(*, amount=-2504, sizes=(), ended=(), returned=(), log=None):
    """What the console says at once of a rise among single credits, after a fall that took nearly all."""
    changes = history(10_700, *[1, 0] * 30, -9299, 0, 0, 19_879, 0, 1, 0, 1, amount)
    return interpret(Evidence(changes, (), ended, log=log, sizes=sizes, returned=returned))[-1]


def test_where_people_topped_up_before_a_rise_from_nearly_nothing_is_one():
    earlier = [(at(-86_400 * day), Decimal(10_000)) for day in (3, 9, 17)]
    found = top_up_after_a_drop(sizes=earlier)
    assert abs(found.topped_up - 2504) <= 5
    assert found.low == 0
    assert 2504 <= found.high < 2600
    came_back = [Decimal(2000)] * 12
    assert top_up_after_a_drop(sizes=earlier, returned=came_back).topped_up == 0
    assert top_up_after_a_drop(sizes=earlier, returned=[Decimal(900)] * 12).topped_up > 0


def test_what_ends_explains_no_more_than_it_can_have_reserved():
    earlier = [(at(-86_400 * day), Decimal(10_000)) for day in (3, 9, 17)]
    small, large = (EnrichmentCredits(None, at(342), None, None, Decimal(most)) for most in (55, 2750))
    assert top_up_after_a_drop(sizes=earlier, ended=[small]).topped_up > 0
    assert top_up_after_a_drop(sizes=earlier, ended=[large]).topped_up == 0
    usual = [EnrichmentCredits(None, at(second), Decimal(40), Decimal(40), Decimal(40)) for second in range(30, 80, 10)]
    assert top_up_after_a_drop(sizes=earlier, ended=[*usual, large]).topped_up > 0


def test_a_rise_of_less_than_a_contact_costs_is_asked_about_of_nobody():
    changes = history(20, 0, 20, 0, 0, -10)
    assert interpret(Evidence(changes))[-1].certainty != "uncertain"
    assert interpret(Evidence(history(20, 0, 20, 0, 0, -12)))[-1].certainty == "uncertain"


def test_a_few_falls_beyond_all_others_are_no_pace_either():
    changes = history(90_000, *[2, 1] * 12, 19_800, 1, 19_800, 1, 0, -2500)
    found = interpret(Evidence(changes))[-1]
    assert 2500 <= found.high < 2600
