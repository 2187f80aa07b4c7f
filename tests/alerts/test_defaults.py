"""What every workspace has from its first minute, and whose turn it is."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Evaluation, Rule
from alerts.services import evaluating
from alerts.services.defaults import evaluation_of
from workspaces.audit import Actor
from workspaces.models import Workspace
from workspaces.polling.registry import tell_landed
from workspaces.services.connecting import Credentials, connect_workspace

pytestmark = pytest.mark.django_db


def test_a_new_workspace_gets_its_rules_with_the_first_tick_and_only_once(workspace):
    evaluating.evaluate_due()
    names = list(Rule.objects.values_list("name", flat=True))
    assert {"Balance low", "Less than a week left", "Balance unreadable", "Key expires soon"} <= set(names)
    evaluating.evaluate_due()
    assert Rule.objects.count() == len(names)


def test_a_workspace_that_is_connected_has_its_rules_at_once_and_looking_makes_none(workspace, owner, client):
    made = connect_workspace(Actor(user=owner), name="Newcomer", base_url=workspace.base_url, credentials=Credentials())
    assert made.alert_rules.filter(kind="balance_below").count() == 3
    client.force_login(owner)
    assert "on their way" in client.get(reverse("alerts:list", args=[workspace.slug])).text
    assert not workspace.alert_rules.exists()


def test_default_levels_descend_and_write_to_the_owners(workspace):
    evaluation_of(workspace)
    levels = Rule.objects.filter(kind="balance_below").order_by("-threshold")
    assert list(levels.values_list("severity", "threshold")) == [("information", 20), ("warning", 10), ("critical", 5)]
    assert all(rule.to_owners for rule in levels)


def test_a_removed_default_stays_removed(workspace):
    evaluation_of(workspace)
    Rule.objects.all().delete()
    evaluation_of(workspace)
    assert not Rule.objects.exists()


def test_nothing_fires_on_a_workspace_that_has_only_just_been_connected(workspace):
    evaluating.evaluate(workspace)
    assert not workspace.alerts.exists()


def test_a_credential_that_upstream_rejects_fires_and_a_new_one_resolves(watch):
    watch.rule(kind="credential_rejected", severity="critical", threshold=0, recovery=0)
    watch.workspace.api_key_rejected_at = timezone.now()
    watch.evaluate()
    assert watch.alerts.get().headline == "Cleanlist rejects the API key"
    watch.workspace.api_key_rejected_at = None
    watch.evaluate()
    assert watch.alerts.get().state == "resolved"


def test_a_landed_balance_is_evaluated_at_once(watch):
    watch.rule()
    watch.balance(412)
    Rule.objects.update(threshold=100, recovery=110)
    tell_landed([watch.poll])
    assert watch.alerts.get().state == "resolved"


def test_two_workers_never_evaluate_one_workspace_together(watch):
    turn = Evaluation.objects.get()
    assert turn.take(timezone.now(), 60)
    assert not evaluating.evaluate(watch.workspace)
    assert turn.finish(timezone.now(), timezone.now() + timedelta(minutes=1))
    turn.refresh_from_db()
    assert turn.next_run_at <= timezone.now()  # what landed meanwhile is looked at right away


def test_a_worker_whose_lease_ran_out_writes_nothing(watch, monkeypatch):
    watch.rule()
    watch.balance(412)
    watch.alerts.all().delete()
    read = evaluating.read

    def slowly(*arguments):
        Evaluation.objects.update(leased_until=timezone.now() + timedelta(seconds=99))  # another one's by now
        return read(*arguments)

    monkeypatch.setattr(evaluating, "read", slowly)
    assert not evaluating.evaluate(watch.workspace)
    assert not watch.alerts.exists()


def test_an_evaluation_takes_the_same_number_of_queries_for_more_rules(watch, django_assert_max_num_queries):
    def count():
        with django_assert_max_num_queries(60) as queries:
            watch.evaluate()
        return len(queries)

    watch.rule(threshold=10, recovery=10)
    watch.balance(5000)
    few = count()
    for number in range(20):
        watch.rule(name=f"Rule {number}", threshold=number, recovery=50)
    assert count() == few


def test_one_workspace_in_trouble_does_not_keep_the_others_from_being_watched(watch, monkeypatch, caplog):
    other = Workspace.objects.create(name="Other", slug="other", base_url=watch.workspace.base_url)
    evaluate, seen = evaluating.evaluate, []

    def broken(workspace, **options):
        if workspace == watch.workspace:
            raise RuntimeError("a defect")
        seen.append(workspace)
        return evaluate(workspace, **options)

    monkeypatch.setattr(evaluating, "evaluate", broken)
    evaluating.evaluate_due()
    assert seen == [other]
