"""The checks by name. Each is bounded, may be run at any time, and never spends credits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult
from troubleshooting.checks import key, limits, request_shape, workflows
from workspaces.models import Workspace


@dataclass(frozen=True)
class Check:
    """One check: what it is called, what runs it, and whether it has the workflow followed from then on."""

    name: str
    label: str
    run: Callable[[Workspace, Case], CheckResult]
    follows: bool = False


_CHECKS = (
    Check("header", "The form of the header", key.header),
    Check("key", "Which key it is", key.key),
    Check("credential", "Cleanlist, asked with the console's own key", key.credential),
    Check("scopes", "The scopes", key.scopes),
    Check("plan", "The plan", key.plan),
    Check("session", "Key management", key.session),
    Check("slots", "The number of active keys", key.slots),
    Check("balance", "The balance", limits.balance),
    Check("shape", "The shape of the request", request_shape.shape),
    Check("enrichment", "The enrichment", workflows.enrichment),
    Check("deliveries", "The webhook's deliveries", workflows.deliveries, follows=True),
    Check("rates", "Rate limits", limits.rates),
)
CHECKS: Mapping[str, Check] = {step.name: step for step in _CHECKS}


def checks_for(case: Case) -> list[Check]:
    """Return the checks of a case's topic, in order; none for what lives in the portal."""
    return [CHECKS[name] for name in case.subject.steps] if case.subject else []
