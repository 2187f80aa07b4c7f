"""Applies the alert rules in a file, each validated against the others in their final state."""

from functools import partial
from pathlib import Path

from alerts.models import Rule
from alerts.services.rules import describe, remove_rule, save_rule
from provisioning.change_set import ChangeSet
from provisioning.document import WorkspaceSpec
from provisioning.fields import NodeParser
from provisioning.rules import RuleSpec, differences, paired, stored_rules
from workspaces.models import Workspace


def apply_rules(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    if wanted.rules is None:
        return
    stored = stored_rules(workspace)
    listed = [(one, one.made(workspace)) for one in wanted.rules.value]
    matches = paired(listed, stored)
    kept = {match.pk for match in matches if match is not None}
    surplus = [rule for rule in stored if rule.pk not in kept and not rule.is_required]
    future = [rule for _, rule in listed] + ([] if run.delete else surplus)
    for (one, rule), match in zip(listed, matches, strict=True):
        _apply(run, one, rule, match, [other for other in future if other is not rule])
    for rule in surplus:
        text = f"“{rule.name}” ({rule.kind})"
        run.surplus(wanted.rules.node, text, partial(remove_rule, rule, run.actor))


def _apply(run: ChangeSet, wanted: RuleSpec, rule: Rule, stored: Rule | None, others: list[Rule]) -> None:
    """Create or change one rule; ``rule`` is the wanted state, not stored, and ``stored`` the current one."""
    changed = differences(stored, rule) if stored else []
    if stored and not changed:
        run.same()
        return
    before = describe(stored) if stored else None
    target = stored or Rule(workspace=rule.workspace, kind=rule.kind)
    form = wanted.form(rule.workspace, target, others)
    fields = NodeParser(Path())
    if not fields.check(form, wanted.node):
        run.problems += fields.problems
    else:
        text = f"“{rule.name}” ({rule.kind})"
        text += f": {', '.join(changed)}" if stored else f": {rule.condition}"
        run.do("change" if stored else "create", wanted.node, text, lambda: save_rule(form.apply(), run.actor, before))
