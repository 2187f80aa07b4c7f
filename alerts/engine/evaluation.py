"""Holds rules against what the mirror says now, those of many workspaces together.

What rules see is read for all of them at once; what follows from it is usually nothing, and costs nothing more. One
worker a workspace at a time; never twice in parallel.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from alerts.engine.change_writer import ChangeWriter
from alerts.engine.plan import OpenAlerts, plan_changes
from alerts.engine.rule_kinds import NoData, Observations, RuleKind, all_kinds, group_by_workspace
from alerts.models import Evaluation, Rule
from alerts.services.default_rules import ensure_default_rules, ensure_evaluation
from core import clock
from core.db import leases
from workspaces.models import Poll, Workspace

# Longer than an evaluation takes; one that takes longer all the same finds its lease gone and writes nothing.
LEASE_SECONDS = leases.SECONDS
# How often rules are looked at when nothing lands: time itself makes keys expire and balances unreadable.
INTERVAL = timedelta(seconds=60)
# How many workspaces are evaluated together: enough that queries do not count, few enough to be quick about it.
BATCH = 50
# How many batches one turn of a worker takes at most.
BATCHES = 10
# What landed in each workspace; None where all of its rules are due.
UpdatedResources = Mapping[int, Collection[str]] | None
logger = structlog.get_logger(__name__)


def evaluate_after_ingest(polls: Sequence[Poll]) -> None:
    """Evaluate the rules that look at what has just landed."""
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
    """Evaluate every workspace whose turn has come; return how many."""
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
    """Bring the alerts of one workspace in line with the mirror; with ``resource``, only those that depend on it.

    Returns False when another worker is at it, which is then asked to look once more.
    """
    updated = {workspace.pk: {resource}} if resource else None
    return evaluate_together([workspace], updated=updated, now=now) == 1


@clock.cache_now()
def evaluate_together(
    workspaces: Sequence[Workspace], *, updated: UpdatedResources = None, now: datetime | None = None
) -> int:
    """Bring the alerts of ``workspaces`` in line with the mirror; return of how many nobody else had the turn."""
    current_time = now or clock.now()
    by_id = {workspace.pk: workspace for workspace in workspaces}
    ensure_default_rules(by_id)
    turns = {turn.workspace_id: turn for turn in Evaluation.objects.acquire(by_id, current_time, LEASE_SECONDS)}
    Evaluation.objects.record_pauses(turns.values(), current_time)
    rules = _rules([by_id[pk] for pk in turns], updated)
    observations = observe_together(rules, current_time)
    # Those whose turn ends here, and those of whom something is to be written: each of these on its own, so that one
    # workspace's trouble is not the others'.
    moved = _rules_to_write(rules, observations, current_time)
    wait = INTERVAL if updated is None else None
    done = Evaluation.objects.release([turn for pk, turn in turns.items() if pk not in moved], current_time, wait)
    for pk, some in moved.items():
        try:
            done += _write(by_id[pk], turns[pk], some, observations, current_time, wait)
        except Exception:
            logger.exception("evaluation_failed", workspace=pk)
    return done


def _rules(workspaces: Sequence[Workspace], updated: UpdatedResources) -> list[Rule]:
    """Return the rules that are due, each with its workspace as it is now."""
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
    """Return the rules of those workspaces of which something is to be written."""
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
    turn: Evaluation,
    rules: Sequence[Rule],
    observations: Mapping[int, Observations],
    now: datetime,
    wait: timedelta | None,
) -> int:
    """Decide again, with the alerts locked, and write what follows; 0 when the lease had run out meanwhile."""
    with transaction.atomic():
        if not Evaluation.objects.release([turn], now, wait):
            return 0
        ChangeWriter(workspace, now).apply(plan_changes(rules, observations, OpenAlerts.of(rules, locked=True), now))
    return 1


def observe(workspace: Workspace, rules: Iterable[Rule], now: datetime) -> dict[int, Observations]:
    """Return what each of the rules of one workspace sees now."""
    mine = list(rules)
    for rule in mine:
        rule.workspace = workspace
    return observe_together(mine, now)


def observe_together(rules: Sequence[Rule], now: datetime) -> dict[int, Observations]:
    """Return what each rule sees now. A kind that fails is logged, and its rules say so, not the others'."""
    by_kind: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_kind[rule.kind].append(rule)
    found: dict[int, Observations] = {}
    for kind in all_kinds():
        if kind.name in by_kind:
            found |= _observe_kind(kind, by_kind[kind.name], now)
    return found


def _observe_kind(kind: RuleKind, rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Ask a kind for all workspaces; where that fails, for each by itself: one's trouble must not blind the others."""
    try:
        return kind.read(rules, now)
    except Exception:
        each = group_by_workspace(rules)
        if len(each) > 1:
            return {pk: observed for some in each for pk, observed in _observe_kind(kind, some, now).items()}
        logger.exception("rule_kind_failed", kind=kind.name, workspace=rules[0].workspace_id)
        problem = NoData("The console could not work this out; its log says why.")
        return {rule.pk: problem for rule in rules}
