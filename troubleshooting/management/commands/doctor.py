import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from troubleshooting.body.validation import MAX_BYTES, validate_body
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult
from troubleshooting.check_runner import CompletedCheck, run_check
from troubleshooting.checks import CHECKS
from troubleshooting.checks.request_shape import result_of_body
from webhooks.ingest.normalize import is_usable_workflow_id
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
WORDS = {"ok": "ok", "warning": "warning", "failed": "error", "unknown": "unknown", "skipped": "skipped"}
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


class Command(BaseCommand):
    help = "Check the key, plan, balance, rate limits, a workflow and a request body. Exits with 0 if all is well."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="?", help="as in its address; may be left out if there is only one")
        parser.add_argument("--workflow", default="", metavar="ID", help="also check this enrichment and its webhook")
        parser.add_argument("--body", type=Path, metavar="FILE", help="also check this request body for enrich/bulk")
        parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")

    def handle(self, *, workspace: str | None, workflow: str, body: Path | None, **options: object) -> None:
        if workflow and not is_usable_workflow_id(workflow):
            raise CommandError("That isn't a workflow id. Workflow ids look like public_bulk_ followed by a long code.")
        diagnosis = diagnose(_find(workspace), workflow, _read(body) if body else None)
        if options["json"]:
            self.stdout.write(json.dumps(diagnosis.as_json(), indent=2, ensure_ascii=False))
        else:
            self._tell(diagnosis)
        if diagnosis.exit_code:
            raise SystemExit(diagnosis.exit_code)

    def _tell(self, diagnosis: Diagnosis) -> None:
        self.stdout.write(f"{diagnosis.workspace.name} at {diagnosis.workspace.base_url}")
        for one in diagnosis.done:
            self.stdout.write(f"\n[{WORDS[one.result.state]}] {one.step.label}")
            self._tell_result(one.result)
        end = "No problems found." if not diagnosis.exit_code else f"Exit code {diagnosis.exit_code}."
        self.stdout.write(f"\n{end}")

    def _tell_result(self, result: CheckResult) -> None:
        if result.title and result.title not in result.text:
            self.stdout.write(f"    {result.title}.")
        self.stdout.write(f"    {result.text}")
        for label, value in result.facts:
            self.stdout.write(f"    {label}: {value}")
        if result.fix:
            self.stdout.write(f"How to fix it: {result.fix}")
        if result.snippet and result.state in {"failed", "warning"}:
            self.stdout.write("\n".join(f"      {line}" for line in result.snippet.splitlines()))


def _find(slug: str | None) -> Workspace:
    found = Workspace.objects.select_related("session")
    rows = list(found.filter(slug=slug) if slug else found.all()[:2])
    if len(rows) == 1:
        return rows[0]
    known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:20]) or "none yet"
    wrong = f"Workspace {slug} not found." if slug else "Specify a workspace."
    raise CommandError(f"{wrong} Available: {known}.")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode(errors="surrogateescape")
    except OSError as error:
        raise CommandError(f"Can't read {path}: {error.strerror}.") from None
