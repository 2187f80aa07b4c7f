"""Runs checks and derives the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from troubleshooting.cases import Case
from troubleshooting.check_result import RANKS, CheckResult
from troubleshooting.checks import Check, checks_for
from troubleshooting.checks.workflows import UNKNOWN_WORKFLOW
from troubleshooting.topics import WORKFLOW
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Outcome, Workspace

logger = structlog.get_logger(__name__)
_LEVELS = {"failed": "danger", "warning": "warning", "unknown": "warning"}


@dataclass(frozen=True)
class CompletedCheck:
    """A check that was run, and its result."""

    step: Check
    result: CheckResult


@dataclass(frozen=True)
class CaseVerdict:
    """What is wrong, why, and how to fix it, in that order; ``level`` colors it."""

    level: str
    title: str
    text: str = ""
    fix: str = ""


def run_check(step: Check, workspace: Workspace, case: Case, actor: Actor) -> CompletedCheck:
    """Run one check. It is bounded by its own calls' time-outs and raises nothing that upstream did."""
    done = CompletedCheck(step, step.run(workspace, case))
    if step.follows and case.workflow:
        outcome = Outcome.FAILED if done.result.state == "unknown" else Outcome.SUCCEEDED
        subject = (case.workflow, case.workflow)
        record_event(Action.WORKFLOW_FOLLOWED, actor, workspace=workspace, outcome=outcome, subject=subject)
    logger.info("troubleshooting_check", workspace=workspace.pk, step=step.name, state=done.result.state)
    return done


def run_checks(workspace: Workspace, case: Case, actor: Actor) -> list[CompletedCheck]:
    """Run every check of the case's topic, one after another."""
    return [run_check(step, workspace, case, actor) for step in checks_for(case)]


NOTHING_WRONG = "Nothing is wrong with the header"


def first_verdict(case: Case) -> CaseVerdict | None:
    """Return what the topic says before any check was run; None without a topic."""
    if case.is_sound:
        return CaseVerdict(
            "info", NOTHING_WRONG, "If the request fails, paste its response too: the status and the body."
        )
    topic = case.subject
    return CaseVerdict("info", topic.title, topic.meaning, topic.fix) if topic else None


def verdict_from(case: Case, result: CheckResult) -> CaseVerdict | None:
    """Return the verdict that one result makes; the topic's own words if it is no finding."""
    if not result.is_finding:
        return first_verdict(case)
    text = result.text.removeprefix(f"{result.title.removesuffix('.')}.").strip() if result.title else ""
    return CaseVerdict(_LEVELS[result.state], result.title or result.text, text, result.fix)


def verdict_on_workflow(results: Sequence[CheckResult]) -> CaseVerdict:
    """Return the verdict on a workflow of which only the id is known: what its checks found, the webhook first."""
    worst = max(results, key=lambda result: (result.rank, result.title == UNKNOWN_WORKFLOW))
    if worst.title == UNKNOWN_WORKFLOW:
        return CaseVerdict(_LEVELS[worst.state], worst.title, worst.text, worst.fix)
    title = " · ".join(result.headline for result in results if result.headline) or worst.title or worst.text
    if not worst.is_finding:
        return CaseVerdict("ok" if worst.state == "ok" else "info", title)
    return CaseVerdict(_LEVELS[worst.state], title, worst.text, worst.fix)


def worse_state(result: CheckResult, so_far: str) -> str:
    """Return the worse state: that of ``result``, or the worst one ``so_far``."""
    known = {state: rank for state, rank in RANKS.items() if state == so_far}
    return result.state if result.rank > max(known.values(), default=-1) else so_far


def closing_words(case: Case, worst: str) -> str:
    """Return the closing sentence when all checks are done and none found anything; empty if one did."""
    words = {
        "ok": "All checks passed."
        + ("" if case.topic == WORKFLOW or case.is_sound else " The advice above comes from Cleanlist's docs."),
        "skipped": "Not enough details to check anything. Add details above and check again.",
    }
    return words.get(worst, "")
