from datetime import timedelta
from decimal import Decimal

import pytest

from usage import burn
from usage.changes.review import mark_change
from usage.changes.types import Mark
from usage.models import BalanceChange
from webhooks.models import Workflow
from workspaces.audit.events import Actor


def test_falls_are_spent(workspace, readings, now):
    readings({59: 500, 30: 480, 0: 470})
    assert burn.spent_between(workspace, now - timedelta(hours=1), now).credits == 30


def test_a_top_up_is_no_negative_burn(workspace, readings, now):
    readings({10: 500, 9: 480, 8: 10480, 7: 10470})
    found = burn.spent_between(workspace, now - timedelta(hours=1), now)
    assert (found.credits, found.topped_up) == (30, 10000)


def test_what_was_spent_before_the_span_does_not_count(workspace, readings, now):
    readings({90: 900, 89: 500, 30: 480})
    assert burn.spent_between(workspace, now - timedelta(hours=1), now).credits == 20


def test_a_gap_and_the_time_before_the_first_reading_are_not_covered(workspace, readings, now):
    readings({30: 500, 29: 490, 28: 480, 8: 400} | dict.fromkeys(range(7, -1, -1), 400))
    found = burn.spent_between(workspace, now - timedelta(hours=1), now)
    assert found.covered == pytest.approx(10 / 60)
    assert found.credits == 100


@pytest.mark.parametrize(
    ("likely", "low", "high", "rounded"),
    [
        ("22346.04", "19657", "25388", "22350"),
        ("25388", "19657", "25388", "25388"),
        ("19657", "19657", "25388", "19660"),
        ("2.4691", "2.4691", "2.4691", "2.4691"),
    ],
)
def test_an_estimate_is_told_as_finely_as_it_is_known_and_within_its_range(now, likely, low, high, rounded):
    figures = [Decimal(one) for one in (likely, "0", low, high)]
    spent = burn.SpentCredits(now, now, figures[0], figures[1], 1.0, *figures[2:])
    assert spent.rounded == Decimal(rounded)


def test_without_any_reading_nothing_is_known(workspace, now):
    found = burn.spent_between(workspace, now - timedelta(hours=1), now)
    assert (found.credits, found.covered) == (0, 0)


def test_the_peak_is_the_balance_right_after_the_last_top_up(workspace, readings):
    readings({20: 500, 19: 10500, 18: 10400, 17: 10390})
    assert burn.last_peak(workspace) == 10500


def test_before_any_top_up_the_peak_is_the_first_balance(workspace, readings):
    readings({20: 500, 19: 490})
    assert burn.last_peak(workspace) == 500


def test_top_ups_are_listed_oldest_first(workspace, readings, now):
    readings({300: 100, 299: 1100, 100: 1000, 99: 6000})
    assert [row.credits for row in burn.top_ups(workspace, now - timedelta(days=1))] == [1000, 5000]


def test_several_spans_cost_a_query_each_and_no_more(workspace, readings, now, django_assert_max_num_queries):
    readings({60 * n: 9000 - n for n in range(100, 0, -1)})
    with django_assert_max_num_queries(10):
        burn.spent_within(workspace, [(now - timedelta(hours=n), now) for n in (1, 24, 48, 72)])


@pytest.fixture
def enrichment(workspace, now):
    def make(begun, ended, charged):
        return Workflow.objects.create(
            workspace=workspace,
            workflow_id=f"public_bulk_{begun}",
            first_seen_at=now,
            submitted_at=now - timedelta(minutes=begun),
            completed_at=now - timedelta(minutes=ended),
            credits_charged=charged,
        )

    return make


def test_no_less_was_spent_than_enrichments_of_that_time_are_known_to_have_cost(
    workspace, readings, now, enrichment, operator
):
    readings({90: 900, 70: 890, 20: 880, 10: 990, 0: 980})
    before = burn.spent_between(workspace, now - timedelta(hours=1), now)
    for begun, ended, charged in ((50, 40, 200), (30, 29, 100), (65, 59, 5000), (5, 0, 5000), (40, 30, None)):
        enrichment(begun, ended, charged)
    found = burn.spent_between(workspace, now - timedelta(hours=1), now)
    assert before.credits < 300
    assert (found.credits, found.low) == (300, 300)
    assert found.high >= 300
    refunded = BalanceChange.objects.get(after=990)
    mark_change(refunded, Actor(user=operator), Mark.REFUND)
    assert burn.spent_between(workspace, now - timedelta(hours=1), now).credits == 190
