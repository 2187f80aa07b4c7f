"""The rules about budgets over a simulated month, from the first warning to the next month."""

from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from alerts.engine.evaluation import evaluate_together, observe
from alerts.engine.preview import preview
from alerts.engine.rule_kinds import NoData, all_kinds
from alerts.models import Alert, Evaluation, Rule
from alerts.services.default_rules import ensure_default_rules
from alerts.services.rules import save_rule
from tests.alerts.test_defaults import real
from usage.budgets import services
from usage.budgets.rules import BUDGET_KINDS
from usage.forecast.runway import learn_burn
from usage.models import BalanceChange, BalanceHour, BalanceReading, BurnPattern
from workspaces.audit.events import Actor
from workspaces.models import Poll, Workspace

pytestmark = pytest.mark.django_db
STEP = timedelta(hours=12)
PASSED, WILL_PASS = "Budget passed", "Budget will be passed"


class Spender:
    """A workspace that spends so much a day; it is read and evaluated twice a day, and learns once a day.

    Rows are written as the landing would write them, without the changes: all of it is plain spending.
    """

    def __init__(self, watch):
        self.watch, self.workspace, self.left = watch, watch.workspace, Decimal(50_000)
        Poll.objects.filter(pk=watch.poll.pk).update(interval_seconds=STEP.total_seconds())

    def spend(self, a_day, until, *, evaluate=True):
        while self.watch.now < until:
            self.hours(a_day, STEP)
            self.watch.clock.shift(STEP)
            self.left -= Decimal(a_day) / 2
            self.read(evaluate=evaluate)

    def hours(self, a_day, length):
        """Write the hours to come."""
        facts = {"workspace": self.workspace, "spent": Decimal(a_day) / 24, "covered_seconds": 3600}
        facts |= dict.fromkeys(("lowest", "highest", "closing"), self.left)
        hours = (self.watch.now + timedelta(hours=n) for n in range(length // timedelta(hours=1)))
        BalanceHour.objects.bulk_create(BalanceHour(hour=hour, **facts) for hour in hours)

    def read(self, *, evaluate=True):
        now = self.watch.now
        BalanceReading.objects.create(workspace=self.workspace, credits=self.left, first_read_at=now, read_at=now)
        Poll.objects.filter(pk=self.watch.poll.pk).update(last_success_at=now)
        if evaluate:
            if now.hour == 0:
                BurnPattern.objects.all().delete()
                learn_burn(self.workspace, now)
            self.watch.evaluate()

    def set_budget(self, owner, amount=5000, length="month", zone="", *, with_rules=True):
        facts = {"length": length, "time_zone": zone, "with_rules": with_rules}
        return services.set_budget(self.workspace, Actor(owner), Decimal(amount), **facts)

    def firing(self):
        return set(Alert.objects.current().values_list("rule_name", flat=True))


@pytest.fixture
def month(watch):
    """The first of the month in which the story plays; the clock stands there, at midnight in UTC."""
    first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    watch.clock.move_to(first - timedelta(days=21))
    return first.astimezone(UTC)


@pytest.fixture
def spender(watch, month):
    """Three weeks of 100 credits a day lie behind it."""
    found = Spender(watch)
    found.hours(100, timedelta(days=21))
    watch.clock.move_to(month)
    found.read()
    return found


def next_month(month):
    return (month + timedelta(days=31)).replace(day=1)


def plain(message):
    return message.get_body(("plain",)).get_content()


def test_a_month_that_is_overspent_is_forecast_passed_and_over_with_the_month(spender, month, owner, mailbox, send):
    spender.set_budget(owner)
    spender.spend(100, month + timedelta(days=9))
    send()
    assert mailbox.subjects == []
    spender.spend(250, month + timedelta(days=20))
    send()
    assert [alert.rule_name for alert in spender.watch.alerts] == [WILL_PASS]
    [subject] = mailbox.subjects
    assert "of 5,000 credits forecast for" in subject
    assert f"{month:%B %Y}" in subject
    spender.spend(250, month + timedelta(days=27))
    send()
    subject, text = mailbox.subjects[1], plain(mailbox.messages[1])
    assert subject.startswith("Example Works: 5,150 of 5,000 credits used in")
    assert f"of 5,000 credits used in {month:%B %Y}, " in subject
    for part in (
        "Used: 5,150 credits, 103%",
        "Budget: 5,000 credits a calendar month (UTC)",
        "Forecast: ",
        "Left: ",
    ):
        assert part in text, part
    assert "80% between" in text
    spender.spend(250, next_month(month) + STEP)
    send()
    over = [message for message in mailbox.messages if message["Subject"].startswith("Resolved: ")]
    assert len(over) == 2
    for message in over:
        assert "a new month began: 125 of 5,000 credits used in" in message["Subject"]
    assert {alert.state for alert in spender.watch.alerts.filter(subject=f"month {month.date()}")} == {"resolved"}
    spender.spend(250, next_month(month) + timedelta(days=2))
    would_have_fired_is_what_did(spender, next_month(month))


def would_have_fired_is_what_did(spender, end):
    used, forecast = (Rule.objects.get(kind=kind) for kind in BUDGET_KINDS)
    [passed] = spender.watch.alerts.filter(rule=used, fired_at__isnull=False)
    early, late = spender.watch.alerts.filter(rule=forecast, fired_at__isnull=False)
    assert early.fired_at < passed.fired_at < end <= late.fired_at
    [would] = preview(spender.workspace, used, spender.watch.now).fired_at
    assert abs(would - passed.fired_at) <= STEP  # it is evaluated twice a day, and pends for ten minutes
    first, second = preview(spender.workspace, forecast, spender.watch.now).fired_at
    assert abs(first - early.fired_at) <= 2 * STEP  # and forecasts of the past are learned once a day
    assert abs(second - late.fired_at) <= 2 * STEP


def test_a_preview_does_not_count_what_was_firing_before_its_thirty_days(spender, month, owner):
    spender.set_budget(owner, 500)
    spender.spend(250, month + timedelta(days=9), evaluate=False)
    spender.spend(0, next_month(month) + timedelta(days=8), evaluate=False)
    rule = Rule.objects.get(kind="budget_used")
    assert preview(spender.workspace, rule, spender.watch.now).fired_at == []


def test_a_week_is_over_on_monday_in_its_own_time_zone(spender, month, owner, mailbox, send):
    budget = spender.set_budget(owner, 200, "week", "Asia/Kolkata")
    end = budget.period_at(month + timedelta(days=8)).end
    assert end.astimezone(budget.zone).weekday() == 0
    spender.spend(100, end - STEP - timedelta(hours=1))
    assert PASSED in spender.firing()
    spender.spend(100, end + STEP)
    send()
    assert any("Resolved: Example Works: a new week began" in subject for subject in mailbox.subjects)
    [rule] = Rule.objects.filter(kind="budget_used")
    assert observe(spender.workspace, [rule], spender.watch.now)[rule.pk][0].value <= Decimal(50)


def test_removing_the_budget_ends_what_fires_and_says_why(spender, month, owner, mailbox, send):
    spender.set_budget(owner, 300)
    spender.spend(100, month + timedelta(days=5))
    send()
    told = len(mailbox.messages)
    assert spender.firing() == {PASSED, WILL_PASS}
    assert services.remove_budget(spender.workspace, Actor(owner))
    send()
    last = mailbox.messages[told:]
    assert {message["Subject"] for message in last} == {
        f"No longer watched: Example Works: {name}" for name in (PASSED, WILL_PASS)
    }
    for message in last:
        text = plain(message)
        assert text.startswith("NO LONGER WATCHED: Example Works: ")
        assert "The budget was removed by owner@example.test. Nothing watches this now" in text
    assert not Rule.objects.filter(kind__in=BUDGET_KINDS).exists()
    assert not services.remove_budget(spender.workspace, Actor(owner))


def test_a_raised_budget_ends_what_fires_and_says_that_it_was_raised(spender, month, owner, mailbox, send):
    spender.set_budget(owner, 300)
    spender.spend(100, month + timedelta(days=5))
    send()
    told = len(mailbox.messages)
    spender.set_budget(owner, 20_000)
    spender.spend(100, spender.watch.now + STEP)
    send()
    assert spender.firing() == set()
    for message in mailbox.messages[told:]:
        assert message["Subject"].startswith("Resolved: Example Works: ")
        text = plain(message)
        assert ", the budget was changed: " in text
        assert "The budget was changed by owner@example.test. Before: 300 credits a calendar month (UTC)." in text


def test_a_budget_that_is_by_the_week_now_does_not_say_that_a_week_began(spender, month, owner, mailbox, send):
    spender.set_budget(owner, 300)
    spender.spend(100, month + timedelta(days=5))
    spender.set_budget(owner, 100_000, "week")
    spender.spend(100, spender.watch.now + STEP)
    send()
    over = [subject for subject in mailbox.subjects if subject.startswith("Resolved: ")]
    assert len(over) == 2
    assert all("the budget is by the week now: " in subject for subject in over)


def test_the_worst_that_can_have_been_spent_fires_and_only_the_best_proven_clears(spender, month, owner):
    spender.set_budget(owner, 10_000, with_rules=False)
    rule = Rule(
        workspace=spender.workspace, kind="budget_used", name=PASSED, threshold=50, recovery=48, pending_seconds=0
    )
    save_rule(rule, Actor(owner))
    spender.spend(400, month + timedelta(days=10))
    assert spender.firing() == set()
    # A rise in which more may have been bought than shows.
    reading = BalanceReading.objects.latest_of(spender.workspace)
    change = BalanceChange.objects.create(
        workspace=spender.workspace, reading=reading, since=reading.read_at - STEP, until=reading.read_at,
        top_up_high=1500, certainty="uncertain",
    )  # fmt: skip
    spender.watch.evaluate()
    assert spender.firing() == {PASSED}
    assert "between 4,000 and 5,500 of 10,000 credits used" in Alert.objects.current().get().headline
    change.top_up_high = 850
    change.save()
    spender.watch.evaluate()
    assert spender.firing() == {PASSED}
    change.top_up_high = 0
    change.save()
    spender.watch.evaluate()
    assert spender.firing() == set()


def test_a_budget_that_is_passed_says_which_percentage_counts(spender, month, owner, mailbox, send):
    spender.set_budget(owner, 1000, with_rules=True)
    Rule.objects.filter(kind="budget_forecast").delete()
    spender.spend(400, month + timedelta(days=2))
    assert spender.firing() == set()
    reading = BalanceReading.objects.latest_of(spender.workspace)
    BalanceChange.objects.create(
        workspace=spender.workspace, reading=reading, since=reading.read_at - STEP, until=reading.read_at,
        topped_up=201, top_up_low=201, top_up_high=300, certainty="uncertain",
    )  # fmt: skip
    spender.watch.evaluate()
    assert [alert.state for alert in spender.watch.alerts] == ["pending"]  # what is only reserved comes back
    spender.watch.clock.shift(timedelta(minutes=10))
    spender.watch.evaluate()
    send()
    [message] = mailbox.messages
    text = plain(message)
    assert "Value: 110%\r\n" in text
    assert "Counted: 110% is the most that can have been used\r\n" in text
    assert "Used: 1,001 credits, 100.1%, between 1,001 and 1,100" in text


def test_known_usage_is_shown_as_one_percentage(spender, month, owner):
    spender.set_budget(owner, 1000, with_rules=False)
    rule = Rule.objects.create(
        workspace=spender.workspace, kind="budget_used", name="F", threshold=50, recovery=48, parameters={}
    )
    spender.spend(400, month + timedelta(days=2))
    [seen] = observe(spender.workspace, [rule], spender.watch.now)[rule.pk]
    assert seen.value == 80
    assert [label for label, _ in seen.all_facts][:2] == ["Used", "Budget"]


@pytest.mark.parametrize(("chance", "fires"), [("10", False), ("50", True), ("90", True)])
def test_a_forecast_rule_follows_the_chance_that_was_chosen(spender, month, owner, chance, fires):
    whole = 100 * (next_month(month) - month).days
    spender.set_budget(owner, whole - 50, with_rules=False)  # passed on the last day, in a month of any length
    rule = Rule(
        workspace=spender.workspace, kind="budget_forecast", name="F", threshold=100, recovery=90,
        parameters={"chance": chance},
    )  # fmt: skip
    rule.save()
    spender.spend(100, month + timedelta(days=2))
    [seen] = observe(spender.workspace, [rule], spender.watch.now)[rule.pk]
    assert (seen.value > 100) == fires
    word = {"10": "at least ", "50": "", "90": "up to "}[chance]
    assert seen.headline.startswith(f"{word}{seen.headline.removeprefix(word)[0]}")
    assert preview(spender.workspace, rule, spender.watch.now).fired_at is not None


def test_before_the_burn_is_learned_the_forecast_is_unknown_unless_the_budget_is_passed(watch, month, owner):
    watch.clock.move_to(month)
    spender = Spender(watch)
    spender.read()
    spender.set_budget(owner, 60)
    rule = Rule.objects.get(kind="budget_forecast")
    spender.spend(100, month + STEP)
    seen = observe(spender.workspace, [rule], watch.now)[rule.pk]
    assert isinstance(seen, NoData)
    assert "not known: available after" in seen.reason or "guess" in seen.reason or "provisional" in seen.reason
    spender.spend(100, month + 3 * STEP)
    [seen] = observe(spender.workspace, [rule], watch.now)[rule.pk]
    assert seen.value == Decimal(250)
    assert spender.firing() >= {WILL_PASS}


def test_without_a_budget_or_with_a_stale_balance_a_rule_is_unknown(watch, owner):
    rule = Rule.objects.create(
        workspace=watch.workspace, kind="budget_used", name="F", threshold=100, recovery=98, parameters={}
    )
    assert "No budget is set" in observe(watch.workspace, [rule], watch.now)[rule.pk].reason
    assert preview(watch.workspace, rule, watch.now).fired_at == []
    services.set_budget(watch.workspace, Actor(owner), Decimal(100), "month", "", with_rules=True)
    assert "not been read yet" in observe(watch.workspace, [rule], watch.now)[rule.pk].reason
    watch.balance(1000)
    Poll.objects.update(last_success_at=watch.now - timedelta(hours=1), consecutive_failures=5)
    assert "out of date" in observe(watch.workspace, [rule], watch.now)[rule.pk].reason


def test_no_workspace_gets_rules_about_budgets_unasked(watch):
    Rule.objects.all().delete()
    other = Workspace.objects.create(name="Other", slug="other", base_url=watch.workspace.base_url)
    ensure_default_rules([other.pk])
    kinds = set(other.alert_rules.values_list("kind", flat=True))
    assert "balance_below" in kinds
    assert not kinds & set(BUDGET_KINDS)


@pytest.mark.parametrize("used", [0, 400], ids=["nothing is used", "still firing"])
def test_more_workspaces_with_budgets_take_no_more_queries(watch, owner, used, django_assert_max_num_queries):
    def evaluate(count):
        made = [Workspace(name=f"W{n}", slug=f"w-{count}-{n}", base_url="http://x") for n in range(count)]
        Workspace.objects.bulk_create(made)
        known = [kind.name for kind in all_kinds()]
        Evaluation.objects.bulk_create(Evaluation(workspace=each, known_kinds=known) for each in made)
        for number, each in enumerate(made):
            services.set_budget(each, Actor(owner), Decimal(300), ("month", "week")[number % 2], "", with_rules=True)
            BalanceReading.objects.create(
                workspace=each, credits=500, first_read_at=watch.now - timedelta(days=40), read_at=watch.now
            )
            BalanceReading.objects.create(
                workspace=each, credits=500 - used, first_read_at=watch.now, read_at=watch.now
            )
            BurnPattern.objects.create(workspace=each, hour=watch.now, hours_seen=0)
        Rule.objects.update(pending_seconds=0)
        evaluate_together(made)
        with django_assert_max_num_queries(150) as queries:
            assert evaluate_together(made) == count
        return real(queries)

    few = evaluate(2)
    assert few <= 22
    assert evaluate(20) == few
    assert Alert.objects.current().count() == (44 if used else 0)
