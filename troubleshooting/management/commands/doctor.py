import json
import logging
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from troubleshooting.body.validation import MAX_BYTES, validate_body
from troubleshooting.cases import Case, is_workflow_id, mask_contacts
from troubleshooting.check_result import CheckResult
from troubleshooting.check_runner import CompletedCheck, run_check
from troubleshooting.checks import CHECKS, checks_for
from troubleshooting.checks.request_shape import result_of_body
from troubleshooting.pasted.recognizer import RecognizedPaste, recognize
from troubleshooting.pasted.secrets import remove_secrets
from webhooks.tracked_workflows import NO_WORKFLOW_ID
from workspaces.audit.events import CONSOLE
from workspaces.models import Workspace

# Of several things that are wrong, the code of the first one here is returned. The README has the table.
EXIT_CODES: Mapping[str, int] = {
    "header": 10,
    "key": 10,
    "scopes": 10,
    "credential": 10,
    "plan": 10,
    "session": 10,
    "slots": 10,
    "balance": 11,
    "shape": 12,
    "endpoint": 12,
    "receiver": 13,
    "deliveries": 13,
    "rates": 14,
    "enrichment": 15,
}
NOT_CHECKED = 20
WRONG_ARGUMENTS = 2  # as argparse has it
CHATTY = 2  # --verbosity from which on the log is shown
WORDS = {"ok": "ok", "warning": "warning", "failed": "error", "unknown": "unknown", "skipped": "skipped"}
STDIN = Path("-")
ALWAYS = ("credential", "plan", "session", "slots", "balance", "rates")


@dataclass(frozen=True)
class Diagnosis:
    """All checks of one workspace, and the case that was recognized in what was given with ``--paste``."""

    workspace: Workspace
    done: Sequence[CompletedCheck]
    pasted: Case | None = None

    @property
    def exit_code(self) -> int:
        """Return 0 where nothing is wrong, the code of what is, or NOT_CHECKED where something could not be asked."""
        unknown = any(one.result.state == "unknown" for one in self.done)
        return EXIT_CODES[self.problem] if self.problem else NOT_CHECKED if unknown else 0

    @property
    def problem(self) -> str:
        """Return the name of the check whose problem the exit code tells; empty where none found any."""
        failed = {one.step.name for one in self.done if one.result.state == "failed"}
        return next((name for name in EXIT_CODES if name in failed), "")

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        checks = [{"check": one.step.name, "label": one.step.label, **asdict(one.result)} for one in self.done]
        found = {"workspace": self.workspace.slug, "exit_code": self.exit_code, "problem": self.problem or None}
        return {**found, "pasted": _as_json(self.pasted), "checks": checks}


def _as_json(case: Case | None) -> dict[str, object] | None:
    """Return a case under the names that stay; None without one."""
    if case is None:
        return None
    names = ("topic", "heard", "status", "code", "endpoint", "workflow", "request_id")
    return {name: getattr(case, name) or None for name in names} | {"mistakes": [*case.slips]}


def diagnose(
    workspace: Workspace, workflow: str = "", body: str | None = None, pasted: Case | None = None
) -> Diagnosis:
    """Run the checks that need nothing, and those of a workflow, a body and a case where they are given.

    With a body, the balance is compared with what it costs at most.
    """
    case, done = replace(pasted or Case(), workflow=workflow or (pasted.workflow if pasted else "")), []
    if body is not None:
        verdict = validate_body(body)
        case = replace(case, contacts=verdict.contacts or None, type=verdict.enrichment_type)
        done.append(CompletedCheck(CHECKS["shape"], result_of_body(verdict)))
    of_case = [step.name for step in checks_for(case)]
    of_workflow = ("enrichment", "deliveries") if case.workflow else ()
    names = [name for name in dict.fromkeys((*of_case, *ALWAYS, *of_workflow)) if not (done and name == "shape")]
    ran = [run_check(CHECKS[name], workspace, case, CONSOLE) for name in names]
    return Diagnosis(workspace, [*ran, *done], pasted)


class Command(BaseCommand):
    help = "Check the key, plan, balance, rate limits, a workflow and a request body. Exits with 0 if all is well."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="?", help="as in its address; may be left out if there is only one")
        parser.add_argument("--workflow", metavar="ID", help="also check this enrichment and its webhook")
        parser.add_argument(
            "--body", type=Path, metavar="FILE", help="also check this request body for enrich/bulk; - is stdin"
        )
        pasted = "also find the cause in this error, command or code, as Troubleshoot does; - is stdin"
        parser.add_argument("--paste", type=Path, metavar="FILE", help=pasted)
        parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")

    def handle(self, *, workspace: str | None, workflow: str | None, body: Path | None, **options: Any) -> None:
        if options["verbosity"] < CHATTY:
            logging.disable(logging.WARNING)
        try:
            self._diagnose(workspace, workflow, body, **options)
        finally:
            logging.disable(logging.NOTSET)

    def _diagnose(
        self, name: str | None, workflow: str | None, body: Path | None, *, paste: Path | None, **options: object
    ) -> None:
        if workflow is not None and not is_workflow_id(workflow):
            raise CommandError(NO_WORKFLOW_ID, returncode=WRONG_ARGUMENTS)
        if body == paste == STDIN:
            raise CommandError("Only one of --body and --paste can be read from stdin.")
        workspace = _find(name)
        found = _recognized(_text_of(_read(paste)), workspace) if paste else RecognizedPaste(Case())
        text = _read(body).decode(errors="surrogateescape") if body else found.body or None
        diagnosis = diagnose(workspace, workflow or "", text, found.case if paste else None)
        if options["json"]:
            self.stdout.write(json.dumps(diagnosis.as_json(), indent=2, ensure_ascii=False))
        else:
            self._tell(diagnosis)
        if diagnosis.exit_code:
            raise SystemExit(diagnosis.exit_code)

    def _tell(self, diagnosis: Diagnosis) -> None:
        self.stdout.write(f"{diagnosis.workspace.name} at {diagnosis.workspace.base_url}")
        if diagnosis.pasted:
            self.stdout.write(f"Pasted: {diagnosis.pasted.kind}. {diagnosis.pasted.heading}")
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


def _recognized(text: str, workspace: Workspace) -> RecognizedPaste:
    found = recognize(remove_secrets(text).text, workspace)
    if not found.case.topic:
        raise CommandError("The pasted text wasn't recognized. Pass the complete response, command or ID.")
    return replace(found, case=replace(found.case, said=mask_contacts(found.case.said)))


def _text_of(pasted: bytes) -> str:
    """Return what was pasted as text: what PowerShell saves is UTF-16, and what can't be decoded is replaced."""
    is_utf16 = pasted.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    return pasted.decode("utf-16" if is_utf16 else "utf-8", errors="replace")


def _read(path: Path) -> bytes:
    if path == STDIN:
        if sys.stdin is None or sys.stdin.closed:
            raise CommandError("Can't read stdin: it is closed.")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"Can't read {path}: {error.strerror}.") from None
