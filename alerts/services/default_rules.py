"""Creates the rules that every workspace starts with."""

from collections.abc import Collection

from alerts.engine.rule_kinds import RuleKind, all_kinds
from alerts.models import Evaluation, Rule
from workspaces.models import Workspace


def ensure_evaluation(workspace: Workspace) -> Evaluation:
    """Return the workspace's evaluation, after creating default rules for every kind that is new to it."""
    evaluation, _ = Evaluation.objects.get_or_create(workspace=workspace)
    _complete(evaluation)
    return evaluation


def ensure_default_rules(workspaces: Collection[int]) -> None:
    """Create missing evaluations and default rules; one query if nothing is missing.

    Called when a workspace is connected and at each evaluation, so workspaces that are older than a kind get its
    defaults too; a default that was removed stays removed.
    """
    known = {row.workspace_id: row for row in Evaluation.objects.filter(workspace__in=workspaces)}
    for evaluation in known.values():
        _complete(evaluation)
    for workspace in Workspace.objects.filter(pk__in=set(workspaces) - set(known)):
        ensure_evaluation(workspace)


def _complete(evaluation: Evaluation) -> None:
    missing = [kind for kind in all_kinds() if kind.name not in evaluation.known_kinds]
    if missing:
        _add(evaluation, missing)


def _add(evaluation: Evaluation, kinds: list[RuleKind]) -> None:
    before = evaluation.known_kinds
    known = [*before, *(kind.name for kind in kinds)]
    # Of two workers that find the same kinds missing only one creates the rules.
    if Evaluation.objects.filter(pk=evaluation.pk, known_kinds=before).update(known_kinds=known) != 1:
        return
    evaluation.known_kinds = known
    given = (kind for kind in kinds if not kind.on_request)
    Rule.objects.bulk_create(rule for kind in given for rule in build_default_rules(kind, evaluation.workspace_id))


def build_default_rules(kind: RuleKind, workspace_id: int) -> list[Rule]:
    """Return the default rules of ``kind``, not stored yet. They e-mail the workspace's owners."""
    return [
        Rule(
            workspace_id=workspace_id,
            kind=kind.name,
            name=default.name,
            severity=default.severity,
            threshold=default.threshold,
            recovery=default.recovery,
            pending_seconds=default.pending_seconds,
            repeat_seconds=default.repeat_seconds,
            parameters=dict(default.parameters),
        )
        for default in kind.defaults
    ]
