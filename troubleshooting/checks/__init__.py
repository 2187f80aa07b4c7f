"""The checks by name. Each is bounded, may be run at any time, and never spends credits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troubleshooting.cases import RECEIVER, Case
from troubleshooting.check_result import CheckResult
from troubleshooting.checks import key, limits, request_shape, workflows
from troubleshooting.mistakes import GOOD, OF_BODY, PLAIN_HTTP
from troubleshooting.receivers import receiver
from workspaces.models import Workspace


@dataclass(frozen=True)
class Check:
    """One check: what it is called, what runs it, and whether it has the workflow followed from then on.

    An instant one looks only at the case, so its result comes with the page.
    """

    name: str
    label: str
    run: Callable[[Workspace, Case], CheckResult]
    follows: bool = False
    is_instant: bool = False


_CHECKS = (
    Check("header", "Header format", key.header, is_instant=True),
    Check("endpoint", "Path and method", request_shape.endpoint, is_instant=True),
    Check("receiver", "Your endpoint's response", receiver, is_instant=True),
    Check("key", "Which key", key.key),
    Check("credential", "API check with the console's key", key.credential),
    Check("scopes", "Scopes", key.scopes),
    Check("plan", "Plan", key.plan),
    Check("session", "Key management", key.session),
    Check("slots", "Active keys", key.slots),
    Check("balance", "Balance", limits.balance),
    Check("shape", "Request format", request_shape.shape, is_instant=True),
    Check("enrichment", "Enrichment", workflows.enrichment),
    Check("deliveries", "Webhook deliveries", workflows.deliveries, follows=True),
    Check("rates", "Rate limits", limits.rates),
)
CHECKS: Mapping[str, Check] = {step.name: step for step in _CHECKS}


def checks_for(case: Case) -> list[Check]:
    """Return the checks of a case's topic, and those of what else may be wrong with its request, in order.

    None for what lives in the portal.
    """
    own = case.subject.steps if case.subject else ()
    steps = [CHECKS[name] for name in dict.fromkeys((*own, *_others(case)))] if own else []
    is_of_pasted = case.is_judged or case.code.startswith(RECEIVER)
    return sorted(steps, key=lambda step: not step.is_instant) if is_of_pasted else steps


def _others(case: Case) -> list[str]:
    """Return the checks of what may be wrong with a request whatever its topic is."""
    wanted = {
        "receiver": case.code.startswith(RECEIVER),
        "endpoint": PLAIN_HTTP in case.slips,
        "header": bool(set(case.slips) - {GOOD, *OF_BODY}),
        "key": case.key is not None and case.is_request and (case.status or 200) < 400,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]
