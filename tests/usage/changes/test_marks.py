from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse

from tests.usage.balance_history import record_steady
from tests.usage.synthetic_account import SyntheticAccount
from usage import burn
from usage.forecast.runway import learn_burn, runway
from usage.models import BalanceChange, BalanceHour, BurnPattern
from workspaces.models import AuditEvent


@pytest.fixture
def account(workspace):
    """A batch, and 2,500 that came back or were bought: nobody can know."""
    return SyntheticAccount(opening=Decimal(3000)).spend(12, 2750).top_up(32, 2500).play(workspace)


@pytest.fixture
def rise(account):
    return BalanceChange.objects.get(before=250)


@pytest.fixture
def go(client, workspace, operator):
    client.force_login(operator)

    def send(name, change=None, **entries):
        url = reverse(f"usage:{name}", args=[workspace.slug, *([change.pk] if change else [])])
        return client.post(url, entries) if entries or name == "undo_mark" else client.get(url)

    return send


def spent(account, workspace):
    found = burn.spent_between(workspace, account.at(-1), account.at(125))
    return found.low, found.credits, found.high


def test_what_is_doubtful_comes_first_with_what_the_console_thinks_and_why(rise, go):
    text = go("overview").text
    assert text.index("Balance and spend") < text.index("What was this?") < text.index("Spend by key")
    assert "A top-up of about 2,500 credits, between 0 and" in text
    assert "It is a round number of credits." in text
    assert go("change", rise).context["one"].reasons[0] in text


@pytest.mark.parametrize(
    ("said", "truth"),
    [
        ({"mark": "top_up", "credits": "2500"}, (2750, 2750, 2750)),
        ({"mark": "none"}, (250, 250, 250)),
        ({"mark": "refund"}, (250, 250, 250)),
        ({"mark": "correction"}, (2750, 2750, 2750)),
    ],
)
def test_what_a_person_says_overrules_at_once_and_can_be_taken_back(said, truth, rise, account, workspace, go):
    before = spent(account, workspace)
    hours = list(BalanceHour.objects.order_by("hour").values_list("hour", "spent", "topped_up"))
    assert go("change", rise, **said).status_code == 302
    assert spent(account, workspace) == truth
    assert "What was this?" not in go("overview").text
    go("undo_mark", rise)
    assert spent(account, workspace) == before
    assert list(BalanceHour.objects.order_by("hour").values_list("hour", "spent", "topped_up")) == hours


def test_a_correction_is_no_top_up_and_a_refund_is_none_either(rise, account, workspace, go):
    for said in ("correction", "refund"):
        go("change", rise, mark=said)
        assert burn.top_ups(workspace, account.at(0)) == []
    assert BalanceHour.objects.exclude(topped_up=0).count() == 0


def test_both_are_audited_with_who_what_and_the_note(rise, go, operator):
    go("change", rise, mark="top_up", credits="2500.5", note="Invoice 7")
    go("undo_mark", rise)
    said, taken_back = AuditEvent.objects.filter(action__startswith="balance:").order_by("pk")
    assert (said.action, said.actor, said.message) == ("balance:marked", operator, "Invoice 7")
    assert said.details == {"said": "top_up", "credits": "2500.5"}
    assert "+2500 credits" in said.subject
    assert (taken_back.action, taken_back.details) == ("balance:unmarked", {"said": "top_up"})


def test_nothing_said_is_nothing_to_take_back(rise, go):
    assert go("undo_mark", rise).status_code == 302
    assert not AuditEvent.objects.filter(action="balance:unmarked").exists()


def test_a_viewer_sees_why_but_says_nothing(rise, client, workspace, viewer):
    client.force_login(viewer)
    url = reverse("usage:change", args=[workspace.slug, rise.pk])
    assert "Explain this change" not in client.get(url).text
    assert client.post(url, {"mark": "none"}).status_code == 403
    rise.refresh_from_db()
    assert rise.mark == ""


@pytest.mark.parametrize("credits_", ["", "0", "-5", "x", "NaN", "1e400", "9" * 40])
def test_a_top_up_in_a_fall_needs_a_number_that_can_be_one(credits_, account, go):
    fall = BalanceChange.objects.get(before=3000)
    answer = go("change", fall, mark="top_up", credits=credits_)
    assert answer.status_code == 422
    assert answer.context["form"].errors["credits"]


@pytest.mark.parametrize("said", ["refund", "none", "correction"])
def test_an_amount_beside_what_is_no_top_up_is_not_dropped(said, rise, go):
    answer = go("change", rise, mark=said, credits="700")
    assert answer.status_code == 422
    assert "belongs to a top-up" in answer.text
    rise.refresh_from_db()
    assert rise.mark == ""


@pytest.mark.parametrize("amount", ["1000000000000", "5251"])
def test_an_amount_that_the_readings_contradict_is_taken_only_when_it_is_confirmed(amount, rise, go):
    answer = go("change", rise, mark="top_up", credits=amount)
    assert answer.status_code == 422
    assert "were spent unseen between two readings" in answer.text
    assert 'name="sure"' in answer.text
    assert go("change", rise, mark="top_up", credits=amount, sure="on").status_code == 302
    rise.refresh_from_db()
    assert rise.topped_up == Decimal(amount)


def test_an_amount_below_what_was_surely_added_is_asked_about(rise, go):
    BalanceChange.objects.filter(pk=rise.pk).update(top_up_low=2000)
    assert "2,000 credits were added at least" in go("change", rise, mark="top_up", credits="1999").text
    assert go("change", rise, mark="top_up", credits="2000").status_code == 302


def test_a_refund_is_called_one_among_the_parts_of_a_change(rise, go):
    go("change", rise, mark="refund")
    text = go("change", rise).text
    assert "<dt>Refunded</dt>" in text
    assert "<dt>Returned from reservations</dt>" not in text


def test_a_fall_cannot_be_called_a_refund(account, go):
    fall = BalanceChange.objects.get(before=3000)
    assert go("change", fall, mark="refund").context["form"].errors["mark"]


def test_a_top_up_hidden_in_a_fall_counts_once_a_person_tells_it(account, workspace, go):
    go("change", BalanceChange.objects.get(before=3000), mark="top_up", credits="1000")
    assert spent(account, workspace)[1] == 2750 + 1000


def test_what_was_said_survives_reading_history_anew(rise, account, workspace, go):
    go("change", rise, mark="none")
    call_command("reread_balance")
    assert spent(account, workspace) == (250, 250, 250)


def test_a_top_up_that_was_confirmed_helps_to_recognize_others_of_its_size(workspace, go):
    account = (
        SyntheticAccount(opening=Decimal(9000), minutes=300).burn(3000, until=60).top_up(101, 2377).top_up(251, 2377)
    )
    account.play(workspace)
    first = BalanceChange.objects.filter(after__gt=0, topped_up__gt=0).earliest("until")
    go("change", first, mark="top_up")
    assert {row.topped_up for row in BalanceChange.objects.top_ups()} == {Decimal(2377)}


def test_runway_follows_at_once(workspace, now, go):
    record_steady(workspace, now, hours=96, opening=5960)
    learn_burn(workspace, now)
    before = runway(workspace, now=now).median_at
    for row in BalanceChange.objects.filter(until__lt=now - timedelta(hours=2)).order_by("-until")[:20]:
        go("change", row, mark="correction")
    assert not BurnPattern.objects.exists()
    assert runway(workspace, now=now).median_at > before


def test_the_base_of_per_cent_levels_follows_at_once(workspace, now, go):
    account = (
        SyntheticAccount(opening=Decimal(9000), minutes=200).burn(3000, until=160).top_up(171, 5000).play(workspace)
    )
    row = BalanceChange.objects.top_ups().get()
    assert burn.last_peak(workspace) == row.after
    go("change", row, mark="none")
    assert burn.last_peak(workspace) == 9000
    assert account.balance(200) == row.after
