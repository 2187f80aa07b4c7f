import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core import clock
from core.formatting import counted
from provisioning.change_set import ChangeSet
from provisioning.document import WorkspaceSpec, parse_document
from provisioning.planner import PlanOutdated, apply_plan, check_credentials, plan
from provisioning.yaml_reader import MOST_BYTES, NotApplicable, Problem, sanitize_line
from workspaces.audit.events import Actor

SIGNS = {"create": "+", "change": "~", "remove": "-", "only here": "!", "left alone": "!"}
PENDING = 2


class Command(BaseCommand):
    help = (
        "Apply a YAML file to workspaces: shows the differences, asks, and changes only those. Exits with 0 when done "
        "or up to date, 1 on failure (nothing is changed), and with --plan 2 when there are changes."
    )

    def create_parser(self, prog_name: str, subcommand: str, **options: object) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **options)

        def error(message: str) -> NoReturn:  # exit code 2 has its own meaning here
            parser.print_usage(sys.stderr)
            parser.exit(1, f"{parser.prog}: {message}\n")

        parser.error = error  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="as docs/set-up.md describes; - reads it from standard input")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--plan", "--dry-run", action="store_true", help="only show what would change")
        how.add_argument("--yes", action="store_true", help="don't ask for confirmation")
        parser.add_argument(
            "--delete",
            action="store_true",
            help="also remove what the file doesn't list, in the sections it contains",
        )
        parser.add_argument(
            "--even-if-unreachable",
            action="store_true",
            help="store new credentials even if Cleanlist is unreachable; rejected ones are never stored",
        )
        parser.add_argument("--json", action="store_true", help="write one JSON object; requires --yes to apply")

    def handle(self, *, file: str, **options: Any) -> None:
        if options["json"] and not (options["plan"] or options["yes"]):
            raise CommandError("--json can't ask for confirmation: add --plan or --yes.")
        self.name = "standard input" if file == "-" else file
        try:
            with clock.cache_now():  # otherwise each rule queries the database for the time
                wanted = parse_document(_content(file), Path() if file == "-" else Path(file).parent)
            self._apply(wanted, options)
        except NotApplicable as refusal:
            self._refuse(refusal.problems, as_json=options["json"])
        except PlanOutdated:
            raise CommandError("The changes are out of date. Nothing was changed; try again.") from None
        except DatabaseError as error:
            raise CommandError(f"The database failed, so nothing was changed: {error}") from None

    def _apply(self, wanted: Sequence[WorkspaceSpec], options: dict[str, Any]) -> None:
        actor = Actor.of_command(f"apply {self.name}")
        agreed = plan(wanted, actor, delete=options["delete"])
        if not options["json"]:
            self._show(agreed)
        done = bool(agreed.changes) and not options["plan"]
        if done:
            if not options["yes"]:
                self._ask()
            reports = check_credentials(agreed, even_if_unreachable=options["even_if_unreachable"])
            done = bool(apply_plan(wanted, agreed, reports).changes)
        if options["json"]:
            steps = [{"verb": step.verb, "path": step.path, "text": step.text} for step in agreed.steps]
            self._write({"done": done, **_named(agreed), "steps": steps, "problems": []})
        elif agreed.changes and not options["plan"]:
            self.stdout.write("Done." if done else "Someone else already made all the changes.")
        if options["plan"] and agreed.changes:
            raise SystemExit(PENDING)

    def _show(self, agreed: ChangeSet) -> None:
        for step in agreed.steps:
            self.stdout.write(sanitize_line(f"{SIGNS[step.verb]} {step.verb:<10} {step.path}: {step.text}"))
        counts = agreed.counts()
        rest = f"{counts['unchanged']:,} unchanged"
        if counts["only here"]:
            rest += f", {counts['only here']:,} only here (--delete removes them)"
        if counts["left alone"]:
            rest += f", {counts['left alone']:,} left alone"
        if agreed.changes:
            what = f"{counts['create']:,} to create, {counts['change']:,} to change, {counts['remove']:,} to remove"
            self.stdout.write(f"Plan: {what}; {rest}.")
        else:
            self.stdout.write(f"Nothing to do: {rest}.")

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Can't ask for confirmation here. Add --yes to apply or --plan to preview.")
        try:
            answer = input("Apply? Type yes: ")
        except EOFError:
            answer = ""
        if answer.strip() != "yes":
            raise CommandError("Nothing was changed.")

    def _refuse(self, problems: Sequence[Problem], *, as_json: bool) -> NoReturn:
        if as_json:
            found = [{"line": one.line, "path": one.path, "text": one.text} for one in problems]
            self._write({"done": False, "steps": [], "problems": found})
        else:
            for problem in problems:
                self.stderr.write(problem.in_words(self.name))
        raise CommandError(f"Nothing was changed: {counted(len(problems), 'problem')}.")

    def _write(self, what: dict[str, object]) -> None:
        self.stdout.write(json.dumps(what, indent=2, ensure_ascii=False))


def _content(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a valid path"
        raise CommandError(f"{file} cannot be read: {why}.") from None


def _named(run: ChangeSet) -> dict[str, int]:
    return {name.replace(" ", "_"): count for name, count in run.counts().items()}
