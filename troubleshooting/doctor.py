"""The same checks for the command line: which run, and by which exit code a script learns of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from troubleshooting.body.validation import validate_body
from troubleshooting.cases import Case
from troubleshooting.check_runner import CompletedCheck, run_check
from troubleshooting.checks import CHECKS
from troubleshooting.checks.request_shape import result_of_body
from workspaces.audit.events import CONSOLE
from workspaces.models import Workspace

# Of several things that are wrong, the code of the first one here is returned. The README has the table.
EXIT_CODES: Mapping[str, int] = {
    "credential": 10,
    "plan": 10,
    "session": 10,
    "slots": 10,
    "balance": 11,
    "shape": 12,
    "deliveries": 13,
    "rates": 14,
    "enrichment": 15,
}
NOT_CHECKED = 20
ALWAYS = ("credential", "plan", "session", "slots", "balance", "rates")


@dataclass(frozen=True)
class Diagnosis:
    """All checks of one workspace."""

    workspace: Workspace
    done: Sequence[CompletedCheck]

    @property
    def exit_code(self) -> int:
        """Return 0 where nothing is wrong, the code of what is, or NOT_CHECKED where something could not be asked."""
        failed = {one.step.name for one in self.done if one.result.state == "failed"}
        codes = [code for name, code in EXIT_CODES.items() if name in failed]
        unknown = any(one.result.state == "unknown" for one in self.done)
        return codes[0] if codes else NOT_CHECKED if unknown else 0

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        checks = [{"check": one.step.name, "label": one.step.label, **asdict(one.result)} for one in self.done]
        return {"workspace": self.workspace.slug, "exit_code": self.exit_code, "checks": checks}


def diagnose(workspace: Workspace, workflow: str = "", body: str | None = None) -> Diagnosis:
    """Run the checks that need nothing, and those of a workflow and of a request's body where they are given.

    With a body, the balance is compared with what it costs at most.
    """
    case, done = Case(workflow=workflow), []
    if body is not None:
        verdict = validate_body(body)
        case = replace(case, contacts=verdict.contacts or None, type=verdict.enrichment_type)
        done.append(CompletedCheck(CHECKS["shape"], result_of_body(verdict)))
    names = (*ALWAYS, *(("enrichment", "deliveries") if workflow else ()))
    return Diagnosis(workspace, [*(run_check(CHECKS[name], workspace, case, CONSOLE) for name in names), *done])
