"""Applies a workspace's own settings: name and URL, switches, budget, quiet hours and alert rules."""

from functools import partial
from pathlib import Path

from alerts.models import QuietHours, Rule
from alerts.services.recipients import set_quiet_hours
from alerts.services.rules import describe, remove_rule, save_rule
from provisioning.change_set import ChangeSet, StepKind
from provisioning.document import DETAILS, WorkspaceSpec
from provisioning.fields import NodeParser
from provisioning.rules import RuleSpec, differences, paired, shown, stored_rules
from usage.budgets.services import remove_budget, set_budget
from usage.models import Budget
from workspaces import services
from workspaces.models import Workspace
from workspaces.services.members import require_mfa


def remove(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace | None) -> None:
    """Remove a workspace that the file declares as absent."""
    if workspace is None:
        run.same()
        return
    text = f"workspace “{workspace.name}”, with its credentials and all synced data"
    run.surplus(wanted.node, text, lambda: services.remove_workspace(workspace, run.actor))


def apply_details(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Change name and URL; as on the page, a new URL causes the stored credentials to be checked again."""
    before = {"name": workspace.name, "base_url": workspace.base_url}
    after = before | wanted.details
    if before == after:
        run.same()
        return
    differing = [name for name in DETAILS if before[name] != after[name]]
    changed = [f"{DETAILS[name]} {before[name]} → {after[name]}" for name in differing]
    run.do("change", wanted.node, ", ".join(changed), lambda: services.rename_workspace(workspace, run.actor, **after))


def apply_switches(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Pause or resume polling, and switch the members' second factor requirement."""
    if polled := wanted.is_polled:
        change = services.resume_polling if polled.value else services.pause_polling
        words = "paused → running" if polled.value else "running → paused"
        if (workspace.paused_at is None) == polled.value:
            run.same()
        else:
            run.do("change", polled.node, words, lambda: change(workspace, run.actor))
    if mfa := wanted.requires_mfa:
        if workspace.requires_mfa == mfa.value:
            run.same()
        else:
            text = f"{shown(not mfa.value)} → {shown(mfa.value)}"
            run.do("change", mfa.node, text, lambda: require_mfa(workspace, run.actor, required=mfa.value))


def apply_budget(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Set the budget; as on the page, a new one creates its two rules, unless the file lists the rules."""
    if wanted.budget is None:
        return
    node, value = wanted.budget.node, wanted.budget.value
    stored = Budget.objects.filter(workspace=workspace).first()
    if value is None:
        if stored is None:
            run.same()
        else:
            run.surplus(node, f"the budget, {stored}", lambda: remove_budget(workspace, run.actor))
        return
    new = Budget(workspace=workspace, **value)
    if stored and all(getattr(stored, name) == amount for name, amount in value.items()):
        run.same()
        return
    with_rules = wanted.rules is None and stored is None
    run.do(
        "change" if stored else "create",
        node,
        f"{stored} → {new}" if stored else f"a budget: {new}",
        lambda: set_budget(
            workspace, run.actor, value["credits"], value["length"], value["time_zone"], with_rules=with_rules
        ),
    )


def apply_quiet_hours(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Set the hours during which emails wait."""
    if wanted.quiet_hours is None:
        return
    node, hours = wanted.quiet_hours.node, wanted.quiet_hours.value
    stored = QuietHours.objects.filter(workspace=workspace).first()
    if hours is None:
        if stored is None:
            run.same()
        else:
            run.surplus(node, f"quiet hours, {stored}", lambda: set_quiet_hours(workspace, run.actor, None))
        return
    parts = {name: getattr(hours, name) for name in ("begin", "end", "time_zone")}
    if stored and all(getattr(stored, name) == part for name, part in parts.items()):
        run.same()
        return
    text = f"quiet hours {stored} → {hours}" if stored else f"quiet hours {hours}"
    verb: StepKind = "change" if stored else "create"
    run.do(verb, node, text, lambda: set_quiet_hours(workspace, run.actor, QuietHours(**parts)))


def apply_rules(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Apply the alert rules, each validated against the others in their final state."""
    if wanted.rules is None:
        return
    stored = stored_rules(workspace)
    listed = [(one, one.made(workspace)) for one in wanted.rules.value]
    matches = paired(listed, stored)
    kept = {match.pk for match in matches if match is not None}
    surplus = [rule for rule in stored if rule.pk not in kept and not rule.is_required]
    future = [rule for _, rule in listed] + ([] if run.delete else surplus)
    for (one, rule), match in zip(listed, matches, strict=True):
        _apply_rule(run, one, rule, match, [other for other in future if other is not rule])
    for rule in surplus:
        text = f"“{rule.name}” ({rule.kind})"
        run.surplus(wanted.rules.node, text, partial(remove_rule, rule, run.actor))


def _apply_rule(run: ChangeSet, wanted: RuleSpec, rule: Rule, stored: Rule | None, others: list[Rule]) -> None:
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
