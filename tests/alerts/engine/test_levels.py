"""The levels that every workspace starts with, from its first reading to its top-up."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alerts.engine.preview import preview
from alerts.engine.rule_kinds import kind_named
from alerts.models import Rule
from alerts.services.default_rules import build_default_rules
from usage import burn
from webhooks.models import Workflow

pytestmark = pytest.mark.django_db
LONG_ENOUGH = timedelta(minutes=11)
PERCENT = {"unit": "percent"}
STEP = 'step="0.0001"'  # of a number field


@pytest.fixture
def defaults(watch):
    """The default rules about the balance and how long it lasts."""
    kinds = [kind_named("balance_below"), kind_named("runway_below")]
    Rule.objects.bulk_create(rule for kind in kinds for rule in build_default_rules(kind, watch.workspace.pk))
    return watch


def firing(watch):
    return set(watch.alerts.current().values_list("rule_name", flat=True))


def test_a_workspace_without_credits_is_notified_with_its_first_reading(defaults, mailbox, send):
    defaults.balance(0)
    send()
    assert mailbox.subjects == ["Example Works: 0 credits left"]
    assert "no credits are left" in mailbox.messages[0].get_body(("plain",)).get_content()


def test_credits_that_are_gone_last_no_days_before_any_history_is_there(defaults):
    defaults.balance(0)
    defaults.balance(0, after=LONG_ENOUGH)
    assert {"Less than a week left", "Less than two days left", "No credits left"} <= firing(defaults)
    runway = defaults.alerts.current().filter(kind="runway_below").first()
    assert runway.headline == "no credits left"
    assert ["Runs out", "no credits are left"] in runway.facts


@pytest.mark.parametrize(("amount", "fires"), [(11, set()), ("10.9999", {"Less than one call left"})])
def test_less_than_the_most_expensive_call_fires_whatever_the_first_reading(defaults, amount, fires):
    defaults.balance(20)
    defaults.balance(amount)
    defaults.balance(amount, after=LONG_ENOUGH)
    assert firing(defaults) & {"Less than one call left", "No credits left"} == fires


@pytest.mark.parametrize(("amount", "fires"), [("0.0001", False), (0, True), (-5, True)])
def test_nothing_is_left_at_zero_and_below(defaults, amount, fires):
    defaults.balance(5000)
    defaults.balance(amount)
    assert ("No credits left" in firing(defaults)) == fires


def test_no_credits_left_is_a_level_of_zero_wherever_people_see_it(defaults, as_owner, mailbox, send):
    defaults.balance(5000)
    defaults.balance(0)
    send()
    rule = Rule.objects.get(name="No credits left")
    pages = [
        as_owner.get(path).content.decode()
        for path in (
            "/w/example-works/alerts/",
            rule.get_absolute_url(),
            defaults.alerts.get(rule=rule).get_absolute_url(),
        )
    ]
    [message] = mailbox.messages
    pages += [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    assert not any("0.0001" in text.replace(STEP, "") for text in pages)
    assert all("no credits are left" in text for text in pages)
    assert 'name="threshold" value="0"' in pages[0]


def test_a_balance_rule_that_people_set_to_zero_fires_when_nothing_is_left(defaults):
    rule = Rule.objects.get(name="Less than one call left")
    rule.threshold = rule.recovery = Decimal(0)
    rule.pending_seconds = 0
    rule.save()
    for amount, fires in ((5000, False), (0, True), (1, False)):
        defaults.balance(amount)
        assert (rule.name in firing(defaults)) == fires
    assert len(preview(rule.workspace, rule, defaults.now).fired_at) == 1


@pytest.mark.parametrize(("kind", "unit"), [("balance_below", "percent"), ("runway_below", "")])
def test_a_level_of_zero_that_could_never_fire_is_refused(defaults, as_owner, kind, unit):
    rule = Rule.objects.filter(kind=kind).first()
    as_owner.post(f"{rule.get_absolute_url()}level/", {"threshold": "0"})
    threshold = rule.threshold
    rule.refresh_from_db()
    assert rule.threshold == threshold > 0


def test_what_comes_back_after_zero_resolves_nothing_that_is_still_low(defaults, mailbox, send):
    for amount in (20_000, 0, 290, 100_000):
        defaults.balance(amount)
        send()
    assert mailbox.subjects == [
        "Example Works: 0 credits left",
        "Better, not resolved: Example Works: 290 credits left",
        "Resolved: Example Works: 100,000 credits left",
    ]
    assert "Still firing: Balance almost gone (critical)" in mailbox.messages[1].get_body(("plain",)).get_content()
    first = mailbox.messages[0]["Message-ID"]
    assert all(first in message["References"] for message in mailbox.messages[1:])


def test_a_level_does_not_fire_early_for_a_milder_one(defaults):
    defaults.balance(20_000)
    defaults.balance(1500)
    defaults.balance(1500, after=LONG_ENOUGH)
    defaults.balance(700)
    assert "Balance almost gone" not in firing(defaults)


def test_enrichments_that_hold_credits_for_minutes_write_no_email(defaults):
    defaults.balance(50_000)
    defaults.balance(7000)
    defaults.balance(7000, after=timedelta(hours=1))
    told = len(defaults.outbox)
    balance = Decimal(7000)
    for _ in range(12):
        defaults.balance(balance - 2750, after=timedelta(minutes=50))
        defaults.balance(balance - 2750, after=timedelta(minutes=4))
        balance -= 60
        defaults.balance(balance, after=timedelta(minutes=6))
    assert len(defaults.outbox) == told
    assert firing(defaults) == {"Balance getting low"}


@pytest.fixture
def runs(watch):
    """An enrichment that holds so many credits and is seen running."""

    def run(credits_):
        return Workflow.objects.create(
            workspace=watch.workspace,
            workflow_id="public_bulk_1",
            first_seen_at=watch.now,
            status_read_at=watch.now + timedelta(days=1),
            credits_reserved=credits_,
            status="running",
        )

    return run


def test_what_a_running_enrichment_is_known_to_hold_counts_as_being_there(defaults, runs):
    defaults.balance(50_000)
    flow = runs(46_000)
    defaults.balance(4000)
    defaults.balance(4000, after=timedelta(hours=1))
    assert firing(defaults) == set()
    flow.completed_at = defaults.now
    flow.save()
    defaults.balance(4000)
    defaults.balance(4000, after=LONG_ENOUGH)
    assert firing(defaults) == {"Balance getting low", "Balance low"}


def test_what_is_reserved_pays_for_no_call(defaults, runs):
    defaults.balance(50_000)
    runs(50_000)
    defaults.balance(0)
    assert "No credits left" in firing(defaults)


def test_credits_that_are_held_resolve_nothing(watch, runs):
    watch.rule()
    watch.balance(400)
    flow = runs(390)
    watch.balance(10)
    Workflow.objects.filter(pk=flow.pk).update(credits_reserved=90_000)
    watch.balance(10)
    alert = watch.alerts.get()
    assert (alert.state, alert.value, alert.headline) == ("firing", 10, "10 credits left, 90,000 reserved")


def test_a_fall_to_zero_sends_one_email_about_the_worst_level_and_a_slow_fall_one_for_each(defaults, mailbox, send):
    defaults.balance(20_000)
    defaults.balance(700)
    defaults.balance(700, after=LONG_ENOUGH)
    send()
    assert mailbox.subjects == ["Example Works: 700 credits left"]
    defaults.balance(0)
    defaults.balance(0, after=LONG_ENOUGH)
    send()
    rules = [message.get_body(("plain",)).get_content().partition("Rule: ")[2] for message in mailbox.messages]
    assert [text.partition(" (")[0] for text in rules if "balance" in text or "credits" in text][:2] == [
        "Balance almost gone",
        "No credits left",
    ]
    assert not any(text.startswith("Less than one call left") for text in rules)


def test_a_small_top_up_neither_resolves_a_level_nor_silences_it(defaults):
    defaults.balance(50_000)
    for amount in (4000, 4000, 4200):
        defaults.balance(amount, after=LONG_ENOUGH)
    assert firing(defaults) == {"Balance getting low", "Balance low"}
    defaults.balance(2400)
    defaults.balance(2400, after=LONG_ENOUGH)
    assert "Balance almost gone" in firing(defaults)


def test_a_base_that_moves_resolves_nothing(watch):
    watch.rule(threshold=60, recovery=66, parameters=PERCENT)
    watch.balance(10_000)
    watch.balance(5000)
    watch.balance(5000, after=timedelta(days=91))
    assert burn.last_peak(watch.workspace) == 5000
    assert watch.alerts.get().state == "firing"
    assert watch.alerts.get().recovery == 6600
    watch.balance(6600)
    assert watch.alerts.get().state == "resolved"


def test_trying_a_level_in_per_cent_out_holds_it_against_the_high_of_before(watch):
    rule = watch.rule(threshold=10, recovery=11, parameters=PERCENT)
    watch.balance(50_000)
    watch.balance(8000, after=timedelta(hours=1))
    watch.balance(4000, after=timedelta(days=31))
    fired_at = watch.now
    watch.balance(3000, after=timedelta(hours=5))
    watch.clock.shift(timedelta(days=1))
    [found] = preview(watch.workspace, rule, watch.now).fired_at
    assert abs(found - fired_at) < timedelta(seconds=5)


def test_trying_a_level_in_per_cent_out_follows_a_large_top_up_and_no_small_one(watch):
    rule = watch.rule(threshold=50, recovery=50, parameters=PERCENT)
    for amount in (10_000, 6000, 8000, 1000, 81_000, 39_000):
        watch.balance(amount, after=timedelta(hours=2))
    peaks = [peak for _, _, peak in burn.past_peaks(watch.workspace, watch.now - timedelta(days=30), watch.now)]
    assert peaks == [10_000] * 4 + [81_000] * 2
    assert len(preview(watch.workspace, rule, watch.now).fired_at) == 2
