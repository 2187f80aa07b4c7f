"""The rule that says on every page that critical alerts reach no one: always there, always on, and one of it."""

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from alerts.models import Recipient, Rule
from alerts.services import rules
from alerts.services.default_rules import ensure_evaluation
from tests.alerts.test_people import form_of
from workspaces.audit.events import CONSOLE

pytestmark = pytest.mark.django_db
KIND = "critical_unheard"
migration = import_module("alerts.migrations.0010_required_rules")


@pytest.fixture
def rule(watch):
    return watch.rule(kind=KIND, name="Unheard", threshold=0, recovery=0)


@pytest.fixture
def go(client, workspace, owner):
    def ask(name, *arguments, data=None):
        client.force_login(owner)
        url = reverse(f"alerts:{name}", args=[workspace.slug, *arguments])
        return client.get(url, follow=True) if data is None else client.post(url, data, follow=True)

    return ask


@pytest.mark.parametrize("asked", ["remove_rule", "switch_rule"])
def test_it_is_neither_removed_nor_switched_off_and_the_answer_says_why(go, rule, asked):
    page = go(asked, rule.pk, data={})
    assert "stays on: it warns on every page that critical alerts reach no one" in page.text
    assert Rule.objects.get(kind=KIND).enabled


def test_its_form_says_so_too_and_takes_everything_else(go, rule):
    assert "This rule stays on" in go("rule", rule.pk, data=form_of(rule, enabled="")).text
    assert Rule.objects.get(kind=KIND).enabled
    go("rule", rule.pk, data=form_of(rule, name="Nobody listens"))
    assert Rule.objects.get(kind=KIND).name == "Nobody listens"


def test_nobody_is_offered_what_would_be_refused(go, watch, rule):
    other = watch.rule()
    listed = go("list").text
    switch = reverse("alerts:switch_rule", args=[rule.workspace.slug, other.pk])
    assert switch in listed
    assert switch.replace(f"/{other.pk}/", f"/{rule.pk}/") not in listed
    assert "/remove/" in go("rule", other.pk).text
    assert "/remove/" not in go("rule", rule.pk).text
    kinds = go("choose_kind").text
    assert "Critical alerts reach no one" not in kinds
    assert "Balance" in kinds
    assert go("new_rule", KIND).status_code == 404


@pytest.mark.parametrize("change", [rules.remove_rule, rules.save_rule])
def test_no_command_does_it_either(rule, change):
    rule.enabled = False
    with pytest.raises(rules.RuleRequired, match="stays on"):
        change(rule, CONSOLE)
    assert Rule.objects.get(kind=KIND).enabled


def test_where_it_had_been_removed_or_switched_off_it_is_back(watch, rule, owner):
    Rule.objects.filter(pk=rule.pk).update(enabled=False)
    migration.bring_back(apps, None)
    assert Rule.objects.get(kind=KIND).enabled
    Rule.objects.all().delete()
    migration.bring_back(apps, None)
    ensure_evaluation(watch.workspace)
    assert [one.kind for one in Rule.objects.all()] == [KIND]
    watch.rule(name="Gone", severity="critical", threshold=100, recovery=110)
    Recipient.objects.create(workspace=watch.workspace, address=owner.email, critical_off_at=timezone.now())
    watch.balance(4000)
    assert watch.alerts.get(kind=KIND).state == "firing"
