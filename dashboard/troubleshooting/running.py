"""Runs checks, and says what the verdict is."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from dashboard.troubleshooting.cases import Case
from dashboard.troubleshooting.results import RANKS, Result
from dashboard.troubleshooting.steps import Step, steps_of
from workspaces.models import Workspace

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Done:
    """One check that was run."""

    step: Step
    result: Result


@dataclass(frozen=True)
class Verdict:
    """What is wrong, why, and what helps, in that order; ``level`` colours it."""

    level: str
    title: str
    text: str = ""
    fix: str = ""


def run(step: Step, workspace: Workspace, case: Case) -> Done:
    """Run one check. It is bounded by its own calls' time-outs and raises nothing that upstream did."""
    done = Done(step, step.run(workspace, case))
    logger.info("troubleshooting_check", workspace=workspace.pk, step=step.name, state=done.result.state)
    return done


def run_all(workspace: Workspace, case: Case) -> list[Done]:
    """Run every check of the case's topic, one after another."""
    return [run(step, workspace, case) for step in steps_of(case)]


def first_verdict(case: Case) -> Verdict | None:
    """Return what the topic says before any check was run; None without a topic."""
    topic = case.subject
    return Verdict("info", topic.title, topic.meaning, topic.fix) if topic else None


def verdict_of(case: Case, done: Iterable[Done]) -> Verdict | None:
    """Return the verdict by what counts most among ``done``, the topic's own words where all is well."""
    worst = max((one.result for one in done), key=lambda result: result.rank, default=None)
    return first_verdict(case) if worst is None else verdict_on(case, worst)


def verdict_on(case: Case, result: Result) -> Verdict | None:
    """Return the verdict that one result makes; the topic's own words if it is no finding."""
    levels = {"failed": "danger", "warning": "warning", "unknown": "warning"}
    if not result.rank:
        return first_verdict(case)
    return Verdict(levels[result.state], result.title or result.text, result.text if result.title else "", result.fix)


def counts_more(result: Result, so_far: str) -> bool:
    """Say whether ``result`` takes the verdict's place, where the worst state ``so_far`` made it."""
    return result.rank > next((rank for state, rank in RANKS.items() if state == so_far), 0)
