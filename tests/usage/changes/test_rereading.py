from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.usage.balance_history import record_steady
from tests.usage.synthetic_account import SyntheticAccount
from usage import burn
from usage.changes import review
from usage.models import BalanceChange, BalanceHour, BurnPattern
from usage.readings import record_reading

WORKED_OUT = ("until", "topped_up", "top_up_low", "top_up_high", "returned", "certainty", "why")


def everything():
    changes = list(BalanceChange.objects.order_by("until").values_list(*WORKED_OUT))
    return changes, list(BalanceHour.objects.order_by("hour").values_list("hour", "spent", "topped_up", "returned"))


@pytest.fixture
def account(workspace):
    return (
        SyntheticAccount(opening=Decimal(4000), minutes=300, step=10, log=True)
        .recharge(1000, 5000, 6000)
        .play(workspace)
    )


def test_reading_history_anew_finds_the_same_again(account, workspace):
    call_command("reread_balance", workspace.slug)
    once = everything()
    call_command("reread_balance")
    assert everything() == once
    assert sum(row[2] for row in once[1]) == sum(amount for _, amount in account.top_ups)


def test_a_history_that_was_read_by_an_older_model_is_put_right_with_its_hours(account, workspace):
    call_command("reread_balance", workspace.slug)
    truth = everything()
    BalanceChange.objects.update(topped_up=0, top_up_low=0, top_up_high=0, returned=0, why=[], certainty="certain")
    for hour in BalanceHour.objects.all():
        BalanceHour.objects.filter(pk=hour.pk).update(spent=hour.spent - hour.topped_up, topped_up=0, returned=0)
    call_command("reread_balance", workspace.slug)
    assert everything() == truth


def test_a_long_history_is_read_in_turns_of_bounded_size(account, workspace, monkeypatch):
    before = everything()[1]
    monkeypatch.setattr(review, "MAX_ROWS", 20)
    with CaptureQueriesContext(connection) as queries:
        call_command("reread_balance", workspace.slug)
    assert sum('FROM "usage_balancechange"' in one["sql"] and "LIMIT" in one["sql"] for one in queries) > 3
    assert everything()[1] == before


def test_an_unknown_workspace_is_named_with_those_that_there_are(workspace):
    with pytest.raises(CommandError, match=r"Workspace nowhere not found.*example-works"):
        call_command("reread_balance", "nowhere")


def test_what_an_enrichment_cost_is_taken_over_when_it_comes_to_be_known(workspace):
    account = SyntheticAccount(minutes=200, log=True).bulk(31, cost=731, takes=100).play(workspace)
    late = BalanceChange.objects.latest("until")
    assert late.certainty == "uncertain"
    account._tell(workspace, 190, "public_bulk_9", settled(731))
    assert BalanceChange.objects.unread().count() == 2
    review.review_unsettled(workspace, account.at(206), rose=True)
    late.refresh_from_db()
    assert (late.certainty, late.why, late.topped_up, late.top_up_high) == ("certain", ["known"], 0, 0)
    assert burn.spent_between(workspace, account.at(0), account.at(206)).credits == 731


def settled(cost):
    facts = {"status": "completed", "enrichment_type": "full", "summary": {"total": 250}, "credits_charged": cost}
    return facts | {"submitted_at": 31, "completed_at": 131}


def test_a_pattern_that_was_learned_from_hours_that_turned_out_otherwise_is_learned_anew(workspace, now):
    record_steady(workspace, now)
    pattern = BurnPattern.objects.create(workspace=workspace, hour=now, hours_seen=99)
    change = BalanceChange.objects.order_by("until")[10]
    BalanceChange.objects.filter(pk=change.pk).update(topped_up=7)
    call_command("reread_balance", workspace.slug)
    assert not BurnPattern.objects.filter(pk=pattern.pk).exists()


def test_a_plain_fall_is_landed_in_as_many_queries_however_long_the_history_is(workspace, now):
    counts, last = [], now.replace(minute=30) - timedelta(hours=1)  # a new hour costs more
    for hours in (2, 60):
        end = last - timedelta(hours=60 - hours)
        record_steady(workspace, end, hours=hours)
        with CaptureQueriesContext(connection) as queries:
            record_reading(workspace, Decimal(10), end + timedelta(seconds=30))
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= 12
