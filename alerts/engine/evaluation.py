"""Evaluates rules against the mirror, for many workspaces together.

Observations are read for all of them at once; usually nothing changes, and then nothing more is queried. A lease keeps
two workers from evaluating the same workspace in parallel.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from alerts.engine.change_writer import ChangeWriter
from alerts.engine.plan import OpenAlerts, plan_changes
from alerts.engine.rule_kinds import (
    NoData,
    Observations,
    RuleKind,
    all_kinds,
    group_by_workspace,
    shared_reads,
)
from alerts.models import Evaluation, Rule
from alerts.services.default_rules import ensure_default_rules, ensure_evaluation
from core import clock
from core.db import leases
from workspaces.models import Poll, Workspace

# Longer than an evaluation takes; one that takes longer all the same finds its lease gone and writes nothing.
LEASE_SECONDS = leases.SECONDS
# How often rules are evaluated when nothing is ingested: keys expire and data becomes too old all the same.
INTERVAL = timedelta(seconds=60)
# How many workspaces are evaluated together: enough to share the queries, few enough to be quick.
BATCH = 50
# How many batches one task evaluates at most.
BATCHES = 10
# The resources that were ingested in each workspace; None if all rules are due.
UpdatedResources = Mapping[int, Collection[str]] | None
logger = structlog.get_logger(__name__)


def evaluate_after_ingest(polls: Sequence[Poll]) -> None:
    """Evaluate the rules that depend on what was just ingested."""
    watched = {resource for kind in all_kinds() for resource in kind.resources}
    updated: dict[int, set[str]] = defaultdict(set)
    workspaces: dict[int, Workspace] = {}
    for poll in polls:
        if poll.resource in watched:
            workspaces[poll.workspace_id] = poll.workspace
            updated[poll.workspace_id].add(poll.resource)
    if workspaces:
        evaluate_together(list(workspaces.values()), updated=updated)


def evaluate_due() -> int:
    """Evaluate all workspaces that are due; return how many."""
    by_id = Evaluation.objects.values("workspace_id")
    for workspace in Workspace.objects.exclude(pk__in=by_id):
        ensure_evaluation(workspace)
    done = 0
    for _ in range(BATCHES):
        due = list(Evaluation.objects.due(clock.now()).select_related("workspace__session")[:BATCH])
        if not due:
            break
        evaluate_together([evaluation.workspace for evaluation in due])
        done += len(due)
    return done


def evaluate(workspace: Workspace, *, resource: str = "", now: datetime | None = None) -> bool:
    """Update the alerts of one workspace from the mirror; with ``resource``, only those that depend on it.

    Returns False if another worker holds the lease; that one is then asked to evaluate once more.
    """
    updated = {workspace.pk: {resource}} if resource else None
    return evaluate_together([workspace], updated=updated, now=now) == 1


@clock.cache_now()
def evaluate_together(
    workspaces: Sequence[Workspace], *, updated: UpdatedResources = None, now: datetime | None = None
) -> int:
    """Update the alerts of ``workspaces`` from the mirror; return how many this worker had the lease of."""
    current_time = now or clock.now()
    by_id = {workspace.pk: workspace for workspace in workspaces}
    ensure_default_rules(by_id)
    leased = Evaluation.objects.acquire_free(by_id, current_time, LEASE_SECONDS)
    evaluations = {evaluation.workspace_id: evaluation for evaluation in leased}
    Evaluation.objects.record_pauses(evaluations.values(), current_time)
    rules = _rules([by_id[pk] for pk in evaluations], updated)
    observations = observe_together(rules, current_time)
    # Workspaces with changes are written one by one, so that an error in one does not affect the others.
    moved = _rules_to_write(rules, observations, current_time)
    wait = INTERVAL if updated is None else None
    done = Evaluation.objects.finish(
        [evaluation for pk, evaluation in evaluations.items() if pk not in moved], current_time, wait
    )
    for pk, some in moved.items():
        try:
            done += _write(by_id[pk], evaluations[pk], some, observations, current_time, wait)
        except Exception:
            logger.exception("evaluation_failed", workspace=pk)
    return done


def _rules(workspaces: Sequence[Workspace], updated: UpdatedResources) -> list[Rule]:
    """Return the rules that are due, each with its current workspace."""
    resources = {kind.name: kind.resources for kind in all_kinds()}
    by_id = {workspace.pk: workspace for workspace in workspaces}
    found = []
    for rule in Rule.objects.enabled().filter(workspace__in=by_id, kind__in=resources):
        if updated is None or not resources[rule.kind].isdisjoint(updated[rule.workspace_id]):
            rule.workspace = by_id[rule.workspace_id]
            found.append(rule)
    return found


def _rules_to_write(
    rules: Sequence[Rule], observations: Mapping[int, Observations], now: datetime
) -> dict[int, list[Rule]]:
    """Return the rules of those workspaces that have changes to write."""
    open_alerts = OpenAlerts.of(rules)
    found: dict[int, list[Rule]] = {}
    for some in group_by_workspace(rules):
        try:
            moves = plan_changes(some, observations, open_alerts, now)
            for move in moves:
                move.prepare()
        except Exception:
            logger.exception("evaluation_failed", workspace=some[0].workspace_id)
            continue
        if moves:
            found[some[0].workspace_id] = some
    return found


def _write(  # noqa: PLR0917 - one workspace's part of an evaluation
    workspace: Workspace,
    evaluation: Evaluation,
    rules: Sequence[Rule],
    observations: Mapping[int, Observations],
    now: datetime,
    wait: timedelta | None,
) -> int:
    """Plan again with the alerts locked, and write the changes; return 0 if the lease has expired meanwhile."""
    with transaction.atomic():
        if not Evaluation.objects.finish([evaluation], now, wait):
            return 0
        ChangeWriter(workspace, now).apply(plan_changes(rules, observations, OpenAlerts.of(rules, locked=True), now))
    return 1


def observe(workspace: Workspace, rules: Iterable[Rule], now: datetime) -> dict[int, Observations]:
    """Return the current observations of one workspace's rules."""
    mine = list(rules)
    for rule in mine:
        rule.workspace = workspace
    return observe_together(mine, now)


def observe_together(rules: Sequence[Rule], now: datetime) -> dict[int, Observations]:
    """Return the current observations of each rule. A kind that fails is logged, and only its own rules get NoData."""
    by_kind: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_kind[rule.kind].append(rule)
    found: dict[int, Observations] = {}
    with shared_reads():
        for kind in all_kinds():
            if kind.name in by_kind:
                found |= _observe_kind(kind, by_kind[kind.name], now)
    return found


def _observe_kind(kind: RuleKind, rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Observe all workspaces together; if that fails, each on its own, so that one does not blind the others."""
    try:
        return kind.read(rules, now)
    except Exception:
        each = group_by_workspace(rules)
        if len(each) > 1:
            return {pk: observed for some in each for pk, observed in _observe_kind(kind, some, now).items()}
        logger.exception("rule_kind_failed", kind=kind.name, workspace=rules[0].workspace_id)
        problem = NoData("The console could not work this out; its log says why.")
        return {rule.pk: problem for rule in rules}
