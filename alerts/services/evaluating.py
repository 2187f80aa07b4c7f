"""Holds every rule against what the mirror says now. One worker a workspace at a time; never twice in parallel."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from alerts.kinds import Readings, Unreadable, all_kinds
from alerts.models import Evaluation, Rule
from alerts.services.applying import Pass
from alerts.services.defaults import evaluation_of
from workspaces.models import Poll, Workspace

# Longer than an evaluation ever takes; one that takes longer all the same finds its lease gone and writes nothing.
LEASE_SECONDS = 60
# How often rules are looked at when nothing lands: time itself makes keys expire and balances unreadable.
INTERVAL = timedelta(seconds=60)
BATCH = 100
logger = structlog.get_logger(__name__)


def after_landing(polls: Sequence[Poll]) -> None:
    """Evaluate the rules that look at what has just landed."""
    watched = {resource for kind in all_kinds() for resource in kind.resources}
    for poll in polls:
        if poll.resource in watched:
            _try(poll.workspace, resource=poll.resource)


def evaluate_due() -> int:
    """Evaluate every workspace whose turn has come; return how many."""
    known = Evaluation.objects.values("workspace_id")
    for workspace in Workspace.objects.exclude(pk__in=known):
        evaluation_of(workspace)
    due = list(Evaluation.objects.due(timezone.now()).select_related("workspace__session")[:BATCH])
    for evaluation in due:
        _try(evaluation.workspace)
    return len(due)


def _try(workspace: Workspace, *, resource: str = "") -> None:
    try:
        evaluate(workspace, resource=resource)
    except Exception:  # one workspace's trouble is not the others'
        logger.exception("evaluation_failed", workspace=workspace.pk)


def evaluate(workspace: Workspace, *, resource: str = "", now: datetime | None = None) -> bool:
    """Bring the alerts of ``workspace`` in line with the mirror; with ``resource``, only those that depend on it.

    Returns False when another worker is at it, which is then asked to look once more.
    """
    moment = now or timezone.now()
    turn = evaluation_of(workspace)
    if not turn.take(moment, LEASE_SECONDS):
        turn.ask_again(moment)
        return False
    rules = _rules(workspace, resource)
    readings = read(workspace, rules, moment)
    with transaction.atomic():
        if not turn.finish(moment, turn.next_run_at if resource else moment + INTERVAL):
            return False
        Pass(workspace, rules, moment).apply(readings)
    return True


def _rules(workspace: Workspace, resource: str) -> list[Rule]:
    names = [kind.name for kind in all_kinds() if not resource or resource in kind.resources]
    return list(workspace.alert_rules.enabled().filter(kind__in=names))


def read(workspace: Workspace, rules: Iterable[Rule], now: datetime) -> dict[int, Readings]:
    """Return what each rule sees now. A kind that fails is logged, and its rules say so, not the others'."""
    by_kind: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_kind[rule.kind].append(rule)
    found: dict[int, Readings] = {}
    for kind in all_kinds():
        if kind.name not in by_kind:
            continue
        try:
            found |= kind.read(workspace, by_kind[kind.name], now)
        except Exception:
            logger.exception("rule_kind_failed", kind=kind.name, workspace=workspace.pk)
            problem = Unreadable("The console could not work this out; its log says why.")
            found |= {rule.pk: problem for rule in by_kind[kind.name]}
    return found
