import getpass
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cleanlist import Secret
from core.encryption import DecryptionError
from provisioning.fields import NodeParser
from provisioning.yaml_reader import Node
from workspaces import services
from workspaces.audit.events import Actor
from workspaces.command_line import get_workspaces_by_slug
from workspaces.credentials.encryption_keys import check_encryption_keys
from workspaces.credentials.states import api_key_state, session_state
from workspaces.forms import ConnectForm, first_address
from workspaces.mail_limits import TooManyEmails
from workspaces.models import Poll, Role, Workspace
from workspaces.people_forms import InvitationForm
from workspaces.polling.registry import Resource, all_resources
from workspaces.services.members import MembershipRefused, invite

Options = dict[str, Any]  # as parsed from the command line


class Command(BaseCommand):
    help = "List, connect and sync workspaces, invite people, and pause and resume polling."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|connect|poll|invite|pause|resume")
        self._add(verbs, "list", "list workspaces with their status", self._list, named="*")
        connect = self._add(verbs, "connect", "connect a workspace with an API key (prompts for it)", self._connect)
        connect.add_argument("name", help="what your team calls this organization")
        connect.add_argument("--api-address", default=first_address(), metavar="URL", help="default: %(default)s")
        source = connect.add_mutually_exclusive_group()
        source.add_argument("--api-key-env", metavar="NAME", help="environment variable that contains it")
        source.add_argument("--api-key-file", metavar="PATH", help="file that contains it")
        connect.add_argument("--even-if-unreachable", action="store_true", help="even if Cleanlist is unreachable")
        poll = self._add(verbs, "poll", "sync it now, even if paused", self._poll, named=1)
        names = [resource.name for resource in all_resources() if not resource.has_subjects]
        poll.add_argument("resource", nargs="*", metavar="RESOURCE", help=f"of {', '.join(names)}; default: all")
        invitation = self._add(verbs, "invite", "send an invitation by email", self._invite, named=1)
        invitation.add_argument("email")
        invitation.add_argument("--role", default=Role.VIEWER.value, choices=Role.values, help="default: %(default)s")
        self._add(verbs, "pause", "stop background syncing until resumed", self._pause, named="+")
        self._add(verbs, "resume", "resume background syncing", self._resume, named="+")

    def _add(
        self, verbs: Any, name: str, text: str, act: Callable[..., object], named: str | int | None = None
    ) -> CommandParser:
        parser: CommandParser = verbs.add_parser(name, help=text, description=text)
        if named is not None:
            parser.add_argument("workspace", nargs=named, help="as in its address")
        parser.add_argument("--json", action="store_true", help="write JSON instead of text")
        parser.set_defaults(act=act)
        return parser

    def handle(self, *, act: Callable[..., int | None], verb: str, **options: Any) -> None:
        workspace = options.get("workspace")
        self.actor = Actor.of_command(f"workspace {verb}")
        self.as_json = options["json"]
        try:
            code = act([] if workspace is None else get_workspaces_by_slug(workspace), options)
        except (MembershipRefused, TooManyEmails, PermissionDenied, DecryptionError) as refusal:
            raise CommandError(str(refusal)) from None
        if code:
            raise SystemExit(code)

    def _write(self, what: object, *lines: str) -> None:
        """Write ``what`` as JSON, or ``lines``."""
        for line in [json.dumps(what, indent=2, ensure_ascii=False)] if self.as_json else lines:
            self.stdout.write(line)

    def _list(self, workspaces: list[Workspace], _: dict[str, object]) -> None:
        rows = _states(workspaces)
        self._write(rows, *(map(_line, rows) if rows else ["No workspaces connected yet."]))

    def _connect(self, _: list[Workspace], options: dict[str, object]) -> None:
        check_encryption_keys()
        form = ConnectForm(
            {
                "name": options["name"],
                "base_url": options["api_address"],
                "api_key": self._api_key(options),
                "session_kind": ConnectForm.NONE,
            }
        )
        if not form.is_valid():
            raise CommandError(" ".join(f"{name}: {' '.join(map(str, said))}" for name, said in form.errors.items()))
        credentials = form.credentials()
        base_url = form.cleaned_data["base_url"]
        report = services.check_connection(base_url, credentials.for_api_key(), None)
        lines = [f"{check.state:<8} {check.label}: {check.text} {check.fix}".rstrip() for check in report.checks]
        if not (report.works or (options["even_if_unreachable"] and report.may_pass)):
            hint = " To store it anyway, use --even-if-unreachable." if report.may_pass else ""
            raise CommandError("\n".join([*lines, f"Nothing was stored.{hint}"]))
        made = services.connect_workspace(
            self.actor, name=form.cleaned_data["name"], base_url=base_url, credentials=credentials, report=report
        )
        said = f"{made.name} is connected as {made.slug}. To invite its owner: "
        self._write(_states([made])[0], *lines, f"{said}workspace invite {made.slug} EMAIL --role owner")

    def _api_key(self, options: Options) -> str:
        """Return the API key from the given source. Raises CommandError, which never contains it."""
        sources = {"from_env": options["api_key_env"], "from_file": options["api_key_file"]}
        given = {way: Node(0, "", value) for way, value in sources.items() if value is not None}
        if not given:
            if not sys.stdin.isatty():
                raise CommandError("Can't prompt here. Add --api-key-env NAME or --api-key-file PATH.")
            return getpass.getpass("API key (hidden): ")
        fields = NodeParser(Path())
        secret = fields.secret(Node(0, "", given))
        if fields.problems or not isinstance(secret, Secret):
            raise CommandError(" ".join(problem.text for problem in fields.problems))
        return secret.reveal()

    def _poll(self, workspaces: list[Workspace], options: Options) -> int:
        [workspace] = workspaces
        resources = {one.name: one for one in all_resources() if not one.has_subjects}
        if unknown := sorted(set(options["resource"]) - resources.keys()):
            raise CommandError(f"Unknown resource {', '.join(unknown)}. Available: {', '.join(resources)}.")
        wanted = options["resource"] or [name for name, one in resources.items() if one.wanted(workspace)]
        rows = [self._read(workspace, resources[name]) for name in wanted]
        lines = [
            f"{'synced' if row['ok'] else 'FAILED':<7} {row['label']}: {row['problem']}".rstrip(": ") for row in rows
        ]
        self._write(rows, *lines)
        return 0 if all(row["ok"] for row in rows) else 1

    def _read(self, workspace: Workspace, resource: Resource) -> dict[str, object]:
        result = services.refresh_by_hand(workspace, resource, self.actor)
        return {"resource": resource.name, "label": resource.label, "ok": result.ok, "problem": result.problem}

    def _invite(self, workspaces: list[Workspace], options: dict[str, object]) -> None:
        [workspace] = workspaces
        form = InvitationForm(options)
        if not form.is_valid():
            raise CommandError(" ".join(str(text) for said in form.errors.values() for text in said))
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        invitation = invite(workspace, self.actor, email=email, role=role)
        what = {"workspace": workspace.slug, "email": email, "role": role, "until": invitation.expires_at.isoformat()}
        self._write(what, f"The invitation to {email} is on its way.")

    def _pause(self, workspaces: list[Workspace], _: dict[str, object]) -> None:
        self._switch(workspaces, services.pause_polling, "paused")

    def _resume(self, workspaces: list[Workspace], _: dict[str, object]) -> None:
        self._switch(workspaces, services.resume_polling, "running")

    def _switch(self, workspaces: list[Workspace], switch: Callable[[Workspace, Actor], bool], state: str) -> None:
        rows = [{"workspace": one.slug, "polling": state, "changed": switch(one, self.actor)} for one in workspaces]
        self._write(rows, *(f"{row['workspace']}: {state}{'' if row['changed'] else ' already'}" for row in rows))


def _states(workspaces: list[Workspace]) -> list[dict[str, object]]:
    failing: dict[int, set[str]] = defaultdict(set)
    rows = Poll.objects.filter(workspace__in=workspaces, consecutive_failures__gt=0)
    for pk, resource in rows.values_list("workspace", "resource"):
        failing[pk].add(resource)
    return [
        {
            "workspace": one.slug,
            "name": one.name,
            "api_address": one.base_url,
            "organization": one.organization_name,
            "polling": "paused" if one.paused_at else "running",
            "api_key": api_key_state(one).word.lower(),
            "session": session_state(one).word.lower(),
            "failing": sorted(failing[one.pk]),
        }
        for one in workspaces
    ]


def _line(row: Options) -> str:
    said = f"API key {row['api_key']}, management session {row['session']}"
    failing = f"; failing: {', '.join(row['failing'])}" if row["failing"] else ""
    return f"{row['workspace']:<24} {row['polling']:<8} {row['name']} at {row['api_address']}; {said}{failing}"
