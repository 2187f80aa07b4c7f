"""Runs checks and derives the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from troubleshooting.cases import Case
from troubleshooting.check_result import RANKS, CheckResult
from troubleshooting.checks import Check, checks_for
from troubleshooting.checks.workflows import UNKNOWN_WORKFLOW
from troubleshooting.mistakes import GOOD, IF_UNKNOWN, RIGHT, UNKNOWN_HEADER
from troubleshooting.topics import WORKFLOW
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Outcome, Workspace

logger = structlog.get_logger(__name__)
CAUSES = {"endpoint", "header", "key", "shape"}  # the checks of a request that was pasted
PARTLY = "partly"  # none of several checks found anything, and some had nothing to look at
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
FORM_IS_RIGHT = "The header's form is right, but the text doesn't show the key itself"
REFUSED_KEY = "Cleanlist doesn't accept this key"
_FIX_OF_NEW = "Save it in a secret manager now, and restart what uses it. If expires_at is null, it doesn't expire."
_FIX_OF_KEY = "Under Keys, see whether it's active. If it isn't, or was created elsewhere, create a new key."


def first_verdict(case: Case) -> CaseVerdict | None:
    """Return what the topic says before any check was run; None without a topic."""
    if case.is_sound and case.status:
        text = "So the key, the header and the address are right. If something else is wrong, paste what shows it."
        return CaseVerdict("ok", f"Cleanlist accepted this request: {case.status}", text)
    if case.is_sound:
        title = FORM_IS_RIGHT if case.hides_key else NOTHING_WRONG
        return CaseVerdict("info", title, "If the request fails, paste its response too: the status and the body.")
    if case.is_unknown:
        return CaseVerdict("info", UNKNOWN_HEADER, IF_UNKNOWN)
    if case.topic == "unauthorized" and case.slips == (GOOD,) and case.status == 401:
        key = "If the variable holds a complete key, that" if case.hides_key else "The header is right. The key"
        text = f"{key} was revoked, has expired, isn't known, or belongs to another environment, such as the sandbox."
        return CaseVerdict("info", REFUSED_KEY, text, _FIX_OF_KEY)
    topic = case.subject
    if case.is_key_alone or topic is None:
        return _on_key_alone(case) if topic else None
    return CaseVerdict("info", topic.title, topic.meaning, topic.fix)


def _on_key_alone(case: Case) -> CaseVerdict:
    if case.heard == "new_key":
        return CaseVerdict("info", "A new key was created. Cleanlist shows its secret only this once", "", _FIX_OF_NEW)
    text = "Nothing says that it was refused. The checks below show whether it's active, where that is known."
    return CaseVerdict("info", "This is an API key", text, f"If a request fails, paste it. Its header must be {RIGHT}.")


def verdict_from(case: Case, result: CheckResult) -> CaseVerdict | None:
    """Return the verdict that one result makes; the topic's own words if it is no finding."""
    if not result.is_finding:
        return first_verdict(case)
    text = result.text.removeprefix(f"{result.title.removesuffix('.')}.").strip() if result.title else ""
    return CaseVerdict(_LEVELS[result.state], result.title or result.text, text, result.fix)


def without_repeats(
    done: Sequence[CompletedCheck], verdict: CaseVerdict | None, others: Sequence[CheckResult]
) -> list[CompletedCheck]:
    """Return checks without what the verdict, or what is also wrong, says already."""
    return [replace(one, result=_without_repeats(one.result, verdict, others)) for one in done]


def _without_repeats(result: CheckResult, verdict: CaseVerdict | None, others: Sequence[CheckResult]) -> CheckResult:
    if verdict and result.is_finding and (result.title or result.text) == verdict.title:
        facts = tuple(fact for fact in result.facts if not fact[1].startswith(verdict.title))
        return replace(result, text="This is the cause named at the top.", fix="", facts=facts)
    return replace(result, text="This is named above.", fix="") if result in others else result


def is_another_cause(case: Case, done: CompletedCheck, so_far: str) -> bool:
    """Return whether a check found a cause besides the one that the verdict names: ``so_far`` is the worst state."""
    if done.result.state != "failed" or done.step.name not in CAUSES:
        return False
    is_own = case.subject is not None and done.step.name in case.subject.steps
    return so_far == "failed" or not (is_own or case.is_judged)


def verdict_of_all(case: Case, done: Sequence[CompletedCheck]) -> tuple[CaseVerdict | None, list[CheckResult]]:
    """Return the verdict of several checks, and what else they found wrong."""
    verdict, so_far, own, others = first_verdict(case), "", [], []
    for one in done:
        if is_another_cause(case, one, so_far):
            others += [one.result] if not verdict or one.result.title != verdict.title else []
            continue
        own.append(one.result)
        worst = worse_state(one.result, so_far)
        if worst != so_far and one.result.is_finding:
            verdict = verdict_from(case, one.result)
        so_far = worst
    return (verdict_on_workflow(own) if case.topic == WORKFLOW and own else verdict), others


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
    """Return the worse state: that of ``result``, or the worst one ``so_far``; PARTLY where only some were checked."""
    if not result.is_finding and so_far in {"ok", "skipped", PARTLY} and so_far != result.state:
        return PARTLY
    known = {state: rank for state, rank in RANKS.items() if state == so_far}
    return result.state if result.rank > max(known.values(), default=-1) else so_far


def closing_words(case: Case, worst: str) -> str:
    """Return the closing sentence when all checks are done and none found a problem; empty if one did."""
    words = {
        "ok": "All checks passed."
        + ("" if case.topic == WORKFLOW or case.is_sound else " The advice above comes from Cleanlist's docs."),
        PARTLY: "The checks that could run found no problem. Not everything was checked.",
        "unknown": "No problem found, but not everything could be checked. Run the checks again later.",
        "skipped": "Not enough details to check anything. Add details above and check again.",
    }
    return words.get(worst, "")
