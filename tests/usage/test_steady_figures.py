"""What was said of a change stays: neither what the balance does later moves it, nor from where it is read again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.usage.changes.test_paid_calls import history
from tests.usage.synthetic_account import SyntheticAccount
from usage.changes import review
from usage.changes.interpretation import interpret
from usage.changes.types import Evidence
from usage.models import BalanceChange

FIGURES = ("until", "topped_up", "top_up_low", "top_up_high", "returned", "certainty", "why")
# A burn whose falls differ, and a rise among them.
FALLS = (40, 55, 30, 61, 44, 52, 38, 47, 66, 41, 57, 35)


@pytest.mark.parametrize("before", [(), (11,), (11, 0, 8), (11, 0, 8, 19_800), FALLS])
@pytest.mark.parametrize("later", [(9_000, 8_000), (3,) * 12, (900, 0, 700, 0, 5_000)])
def test_falls_that_come_later_move_nothing(before, later):
    changes = history(40_000, *before, -2494, *later, every=6)
    seen = len(before) + 1
    whole = interpret(Evidence(changes))
    assert whole[:seen] == interpret(Evidence(changes[:seen]))


@pytest.fixture
def account(workspace):
    """A burn in falls that differ, read every five minutes, and a rise after three hours."""
    account = SyntheticAccount(opening=Decimal(40_000), minutes=300)
    for number in range(60):
        account.spend(5 * number + 2, FALLS[number % len(FALLS)] * (1 + number // 12))
    return account.top_up(184, 2489).play(workspace)


def figures(moment):
    return BalanceChange.objects.filter(until__lte=moment).order_by("until").values_list(*FIGURES)


def test_from_where_it_is_read_anew_moves_nothing(account, workspace):
    end = account.at(300)
    review.review(workspace, account.at(0), end)
    found = list(figures(end))
    assert any(row[3] > 0 for row in found)
    for minute in range(30, 186, 17):
        review.review(workspace, account.at(minute), end)
        assert list(figures(end)) == found, minute


def test_what_is_settled_is_not_read_anew_with_something_else_that_is_open(account, workspace):
    settled = BalanceChange.objects.get(topped_up__gt=0)
    facts = {"topped_up": settled.topped_up + 7, "top_up_high": settled.top_up_high + 7}
    BalanceChange.objects.filter(pk=settled.pk).update(**facts)
    first = BalanceChange.objects.order_by("until").first()
    BalanceChange.objects.filter(pk=first.pk).update(is_settled=False)
    review.review_unsettled(workspace, account.at(305), rose=True)
    settled.refresh_from_db()
    assert {name: getattr(settled, name) for name in facts} == facts
    assert not BalanceChange.objects.unread().exists()
    review.reread(workspace, account.at(0), account.at(305))
    settled.refresh_from_db()
    assert settled.topped_up == facts["topped_up"] - 7


def test_a_doubtful_rise_is_read_anew_where_a_later_top_up_has_its_size_though_something_older_is_open(workspace):
    account = SyntheticAccount(minutes=500, log=True).burn(60, until=30).bulk(31, cost=750, takes=180).top_up(401, 2000)
    account.play(workspace)
    first = BalanceChange.objects.earliest("until")
    doubtful = BalanceChange.objects.get(until__range=(account.at(210), account.at(220)))
    later = BalanceChange.objects.get(topped_up=2000, until__gt=account.at(400))
    BalanceChange.objects.exclude(pk__in=[first.pk, later.pk]).update(is_settled=True)
    BalanceChange.objects.filter(pk=doubtful.pk).update(why=[], certainty="uncertain", topped_up=0, top_up_low=0)
    BalanceChange.objects.filter(pk=later.pk).update(topped_up=0, top_up_high=0, is_settled=False)
    BalanceChange.objects.filter(pk=first.pk).update(is_settled=False)
    review.review_unsettled(workspace, account.at(505), rose=True)
    assert list(BalanceChange.objects.unread()) == [doubtful]
    review.review_unsettled(workspace, account.at(505), rose=True)
    doubtful.refresh_from_db()
    assert doubtful.why != []


def test_an_enrichment_that_comes_to_be_known_has_all_read_anew_that_it_ran_in(workspace):
    account = SyntheticAccount(opening=Decimal(40_000), minutes=200, log=True).bulk(31, cost=731, takes=100)
    account.burn(120).play(workspace)
    facts = {"status": "completed", "enrichment_type": "full", "summary": {"total": 250}, "credits_charged": 731}
    account._tell(workspace, 190, "public_bulk_9", facts | {"submitted_at": 31, "completed_at": 131})
    unread = [round((row.until - account.begin) / timedelta(minutes=1)) for row in BalanceChange.objects.unread()]
    assert unread == list(range(35, 136, 5))


def test_a_known_change_keeps_what_it_was_among_others_that_are_asked():
    changes = history(40_000, *FALLS, -2494, every=6)
    found = interpret(Evidence(changes))
    kept = [replace(change, known=one) for change, one in zip(changes[:-1], found, strict=False)]
    assert interpret(Evidence([*kept, changes[-1]])) == found
