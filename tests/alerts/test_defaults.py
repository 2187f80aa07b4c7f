"""What every workspace has from its first minute, and whose turn it is."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.engine import evaluation, rule_kinds
from alerts.engine.change_writer import ChangeWriter
from alerts.models import Alert, Evaluation, Rule
from alerts.services.default_rules import ensure_evaluation
from usage import readings
from usage.forecast.runway import learn_burn
from workspaces.audit.events import Actor
from workspaces.models import Workspace
from workspaces.polling.registry import notify_ingested
from workspaces.services.connections import Credentials, connect_workspace

pytestmark = pytest.mark.django_db


def test_a_new_workspace_gets_its_rules_with_the_first_tick_and_only_once(workspace):
    evaluation.evaluate_due()
    names = list(Rule.objects.values_list("name", flat=True))
    assert {"Balance low", "Less than a week left", "Balance unreadable", "Key expires soon"} <= set(names)
    evaluation.evaluate_due()
    assert Rule.objects.count() == len(names)


def test_a_workspace_that_is_connected_has_its_rules_at_once_and_looking_makes_none(workspace, owner, client):
    made = connect_workspace(Actor(user=owner), name="Newcomer", base_url=workspace.base_url, credentials=Credentials())
    assert made.alert_rules.filter(kind="balance_below").count() == 5
    client.force_login(owner)
    assert "Rules are being created" in client.get(reverse("alerts:list", args=[workspace.slug])).text
    assert not workspace.alert_rules.exists()


def test_default_levels_descend_and_write_to_the_owners(workspace):
    ensure_evaluation(workspace)
    levels = Rule.objects.filter(kind="balance_below", parameters__unit="percent").order_by("-threshold")
    assert list(levels.values_list("severity", "threshold")) == [("information", 20), ("warning", 10), ("critical", 5)]
    assert all(rule.to_owners for rule in levels)


def test_a_removed_default_stays_removed(workspace):
    ensure_evaluation(workspace)
    Rule.objects.all().delete()
    ensure_evaluation(workspace)
    assert not Rule.objects.exists()


def test_nothing_fires_on_a_workspace_that_has_only_just_been_connected(workspace, owner):
    evaluation.evaluate(workspace)
    assert not workspace.alerts.exists()


def test_a_credential_that_upstream_rejects_fires_and_a_new_one_resolves(watch):
    watch.rule(kind="credential_rejected", severity="critical", threshold=0, recovery=0)
    watch.workspace.api_key_rejected_at = timezone.now()
    watch.evaluate()
    assert watch.alerts.get().headline == "Cleanlist rejects the API key"
    watch.workspace.api_key_rejected_at = None
    watch.evaluate()
    assert watch.alerts.get().state == "resolved"


def test_an_ingested_balance_is_evaluated_at_once(watch):
    watch.rule()
    watch.balance(412)
    Rule.objects.update(threshold=100, recovery=110)
    notify_ingested([watch.poll])
    assert watch.alerts.get().state == "resolved"


def test_two_workers_never_evaluate_one_workspace_together(watch):
    [turn] = Evaluation.objects.acquire_free([watch.workspace.pk], timezone.now(), 60)
    assert not evaluation.evaluate(watch.workspace)
    assert Evaluation.objects.finish([turn], timezone.now(), timedelta(minutes=1)) == 1
    turn.refresh_from_db()
    assert turn.next_run_at <= timezone.now()  # what landed meanwhile is looked at right away


def test_a_worker_whose_lease_ran_out_writes_nothing(watch, monkeypatch):
    watch.rule()
    watch.balance(412)
    watch.alerts.all().delete()
    read = evaluation.observe_together

    def slowly(*arguments):
        Evaluation.objects.update(leased_until=timezone.now() + timedelta(seconds=99))  # another one's by now
        return read(*arguments)

    monkeypatch.setattr(evaluation, "observe_together", slowly)
    assert not evaluation.evaluate(watch.workspace)
    assert not watch.alerts.exists()


def test_an_evaluation_takes_the_same_number_of_queries_for_more_rules(watch, django_assert_max_num_queries):
    def count():
        with django_assert_max_num_queries(150) as queries:
            watch.evaluate()
        return len(queries)

    # Above the price of a call, so that what is reserved is asked for, as some of the others do.
    watch.rule(threshold=19, recovery=50)
    watch.balance(5000)
    few = count()
    for number in range(20):
        watch.rule(name=f"Rule {number}", threshold=number, recovery=50)
    assert count() == few


def test_all_rules_about_keys_read_them_once(watch, django_assert_max_num_queries):
    kinds = [kind.name for kind in evaluation.all_kinds() if "keys" in kind.resources]
    for kind in kinds:
        watch.rule(kind=kind)
    watch.workspace.polls.create(resource="keys", interval_seconds=60, last_success_at=watch.now)
    with django_assert_max_num_queries(150) as queries:
        watch.evaluate()
    assert len(kinds) > 1
    assert sum('FROM "keys_apikey" WHERE' in query["sql"] for query in queries) == 1


@pytest.fixture
def two(watch, other):
    """Two workspaces with a rule each, whose balance is below its level."""
    Evaluation.objects.create(workspace=other, known_kinds=[kind.name for kind in evaluation.all_kinds()])
    rule = watch.rule()
    Rule.objects.create(workspace=other, kind=rule.kind, name=rule.name, threshold=500, recovery=550)
    for workspace in (watch.workspace, other):
        readings.record_reading(workspace, Decimal(412), watch.now)
    Evaluation.objects.update(next_run_at=watch.now)
    return watch.workspace, other


@pytest.fixture
def other(watch):
    return Workspace.objects.create(name="Other", slug="other", base_url=watch.workspace.base_url)


def test_workspaces_that_are_evaluated_together_get_what_each_of_them_would_get_alone(two):
    assert evaluation.evaluate_due() == 2
    assert [(alert.workspace, alert.headline) for alert in Alert.objects.order_by("pk")] == [
        (workspace, "412 credits left") for workspace in two
    ]


def test_a_workspace_that_cannot_be_written_does_not_keep_the_others_from_being_watched(two, monkeypatch, caplog):
    apply = ChangeWriter.apply

    def broken(self, moves):
        if self.workspace == two[0]:
            raise RuntimeError("a defect")
        apply(self, moves)

    monkeypatch.setattr(ChangeWriter, "apply", broken)
    evaluation.evaluate_due()
    assert [alert.workspace for alert in Alert.objects.all()] == [two[1]]


def test_a_workspace_that_cannot_be_read_does_not_blind_the_others(two, monkeypatch, caplog):
    kind = rule_kinds.kind_named("balance_below")

    def broken(rules, now):
        if any(rule.workspace == two[0] for rule in rules):
            raise RuntimeError("a defect")
        return kind.read(rules, now)

    monkeypatch.setitem(rule_kinds._kinds, kind.name, replace(kind, read=broken))
    evaluation.evaluate_due()
    assert [alert.workspace for alert in Alert.objects.all()] == [two[1]]


def real(queries):
    """How many queries; the savepoints are those of the test's own transaction."""
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


@pytest.mark.parametrize("amount", [5000, 412], ids=["nothing changes", "still firing"])
def test_where_nothing_changes_more_workspaces_take_no_more_queries(watch, amount, django_assert_max_num_queries):
    def evaluate(count):
        made = [Workspace(name=f"W{n}", slug=f"w-{count}-{n}", base_url="http://x") for n in range(count)]
        Workspace.objects.bulk_create(made)
        known = [kind.name for kind in evaluation.all_kinds()]
        Evaluation.objects.bulk_create(Evaluation(workspace=each, known_kinds=known) for each in made)
        for each in made:
            facts = {"workspace": each, "parameters": {"unit": "credits"}, "threshold": 500, "recovery": 550}
            Rule.objects.create(kind="balance_below", name="Low", **facts)
            readings.record_reading(each, Decimal(amount), watch.now)
            learn_burn(each, watch.now)
        evaluation.evaluate_together(made)
        with django_assert_max_num_queries(150) as queries:
            assert evaluation.evaluate_together(made) == count
        return real(queries)

    few = evaluate(2)
    assert few <= 12
    assert evaluate(20) == few


def test_a_workspace_whose_levels_all_fire_takes_the_same_number_of_queries_for_more_of_them(
    watch, django_assert_max_num_queries
):
    def fire(count):
        Rule.objects.all().delete()
        for number in range(count):
            watch.rule(name=f"Rule {number}", threshold=600 + number, recovery=600 + number)
        watch.balance(9000)
        with django_assert_max_num_queries(150) as queries:
            watch.balance(412)
        assert watch.alerts.open().count() == count
        with django_assert_max_num_queries(150) as more:
            watch.balance(9000)
        return real(queries), real(more)

    # Within one hour: a new one costs a row more.
    watch.clock.shift(timedelta(minutes=(65 - watch.now.minute) % 60))
    fire(1)
    assert fire(2) == fire(8)
