"""Applies a workspace's own settings: name and URL, switches, budget and quiet hours."""

from alerts.models import QuietHours
from alerts.services.recipients import set_quiet_hours
from provisioning.change_set import ChangeSet, StepKind
from provisioning.document import DETAILS, WorkspaceSpec
from provisioning.rules import shown
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
    text = f"workspace “{workspace.name}”, with its credentials and everything that was read"
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
    """Set the hours during which e-mails wait."""
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
