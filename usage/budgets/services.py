"""Sets, changes and removes a workspace's budget and its rules, each with an audit event."""

from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from alerts.engine.rule_kinds import kind_named
from alerts.models import Rule
from alerts.services import rules
from alerts.services.default_rules import build_default_rules
from core import clock
from usage.budgets.rules import BUDGET_KINDS
from usage.models import Budget
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace


def rules_about(workspace: Workspace) -> QuerySet[Rule]:
    return Rule.objects.filter(workspace=workspace, kind__in=BUDGET_KINDS).select_related("workspace")


def set_budget(
    workspace: Workspace,
    actor: Actor,
    amount: Decimal,
    length: str,
    time_zone: str,
    *,
    with_rules: bool,
) -> Budget:
    """Set or change the budget to ``amount`` credits per ``length``; firing alerts mention the change.

    ``with_rules`` adds one rule of each kind if there are no rules yet.
    """
    with transaction.atomic():
        budget = _locked(workspace)
        was = str(budget) if budget else ""
        budget = budget or Budget(workspace=workspace, length=length)
        if budget.length != length:
            budget.length_since = clock.now()
        budget.credits, budget.length, budget.time_zone = amount, length, time_zone
        budget.save()
        if was != str(budget):
            _note(budget, actor, was)
        if with_rules and not rules_about(workspace).exists():
            _add_rules(workspace, actor)
    return budget


def _locked(workspace: Workspace) -> Budget | None:
    """Lock and return the budget, so that nobody else sets or removes it until the transaction ends."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    return Budget.objects.filter(workspace=workspace).first()


def _note(budget: Budget, actor: Actor, was: str) -> None:
    workspace = budget.workspace
    for rule in rules_about(workspace) if was else ():
        rules.record_rule_change(rule, actor, "The budget was changed", was)
    action, subject = Action.BUDGET_CHANGED if was else Action.BUDGET_SET, (str(budget.pk), str(budget))
    record_event(action, actor, workspace=workspace, subject=subject, before=was, after=str(budget))
    rules.evaluate_soon(workspace)


def _add_rules(workspace: Workspace, actor: Actor) -> None:
    for kind in filter(None, map(kind_named, BUDGET_KINDS)):
        for rule in build_default_rules(kind, workspace.pk):
            rule.workspace = workspace
            rules.save_rule(rule, actor)


def remove_budget(workspace: Workspace, actor: Actor) -> bool:
    """Remove the budget and its rules; recipients of a firing alert are notified that it is no longer watched."""
    with transaction.atomic():
        budget = _locked(workspace)
        if budget is None:
            return False
        for rule in rules_about(workspace):
            rules.remove_rule(rule, actor, "The budget was removed")
        subject = (str(budget.pk), str(budget))
        record_event(Action.BUDGET_REMOVED, actor, workspace=workspace, subject=subject, before=str(budget))
        budget.delete()
    return True
