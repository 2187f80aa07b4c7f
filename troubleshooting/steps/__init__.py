"""The checks by name. Each is bounded, may be run at any time, and never spends credits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troubleshooting.cases import Case
from troubleshooting.results import Result
from troubleshooting.steps import balances, key, rates, shape, workflows
from workspaces.models import Workspace


@dataclass(frozen=True)
class Step:
    """One check: what it is called, what runs it, and whether it has the workflow followed from then on."""

    name: str
    label: str
    run: Callable[[Workspace, Case], Result]
    follows: bool = False


_STEPS = (
    Step("header", "The form of the header", key.header),
    Step("key", "Which key it is", key.key),
    Step("credential", "Cleanlist, asked with the console's own key", key.credential),
    Step("scopes", "The scopes", key.scopes),
    Step("plan", "The plan", key.plan),
    Step("session", "Key management", key.session),
    Step("slots", "The number of active keys", key.slots),
    Step("balance", "The balance", balances.balance),
    Step("shape", "The shape of the request", shape.shape),
    Step("enrichment", "The enrichment", workflows.enrichment),
    Step("deliveries", "The webhook's deliveries", workflows.deliveries, follows=True),
    Step("rates", "Rate limits", rates.rates),
)
STEPS: Mapping[str, Step] = {step.name: step for step in _STEPS}


def steps_of(case: Case) -> list[Step]:
    """Return the checks of a case's topic, in order; none for what lives in the portal."""
    return [STEPS[name] for name in case.subject.steps] if case.subject else []
