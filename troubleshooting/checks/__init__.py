"""The checks by name. Each is bounded, may be run at any time, and never spends credits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult
from troubleshooting.checks import key, limits, request_shape, workflows
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
    """Return the checks of a case's topic, in order; none for what lives in the portal."""
    return [CHECKS[name] for name in case.subject.steps] if case.subject else []
