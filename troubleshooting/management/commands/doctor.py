import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from troubleshooting.body.validation import MAX_BYTES
from troubleshooting.check_result import CheckResult
from troubleshooting.doctor import Diagnosis, diagnose
from webhooks.ingest.normalize import is_usable_workflow_id
from workspaces.models import Workspace

WORDS = {"ok": "good", "warning": "look", "failed": "WRONG", "unknown": "unknown", "skipped": "-"}


class Command(BaseCommand):
    help = "Check key, plan, balance, rate limits, a workflow and a request's body. Exits with 0 where all is well."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="?", help="as in its address; may be left out if there is only one")
        parser.add_argument("--workflow", default="", metavar="ID", help="also look at this enrichment and its webhook")
        parser.add_argument("--body", type=Path, metavar="FILE", help="also check this request body for enrich/bulk")
        parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")

    def handle(self, *, workspace: str | None, workflow: str, body: Path | None, **options: object) -> None:
        if workflow and not is_usable_workflow_id(workflow):
            raise CommandError("That is no workflow id. It looks like public_bulk_ and a long code behind it.")
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
        end = "Nothing is wrong." if not diagnosis.exit_code else f"Exit code {diagnosis.exit_code}."
        self.stdout.write(f"\n{end}")

    def _tell_result(self, result: CheckResult) -> None:
        if result.title and result.title not in result.text:
            self.stdout.write(f"    {result.title}.")
        self.stdout.write(f"    {result.text}")
        for label, value in result.facts:
            self.stdout.write(f"    {label}: {value}")
        if result.fix:
            self.stdout.write(f"    What helps: {result.fix}")
        if result.snippet and result.state in {"failed", "warning"}:
            self.stdout.write("\n".join(f"      {line}" for line in result.snippet.splitlines()))


def _find(slug: str | None) -> Workspace:
    found = Workspace.objects.select_related("session")
    rows = list(found.filter(slug=slug) if slug else found.all()[:2])
    if len(rows) == 1:
        return rows[0]
    known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:20]) or "none yet"
    wrong = f"There is no workspace {slug}." if slug else "Say which workspace."
    raise CommandError(f"{wrong} There are: {known}.")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode(errors="surrogateescape")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
