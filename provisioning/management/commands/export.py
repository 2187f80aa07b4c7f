from collections.abc import Iterable
from datetime import time
from decimal import Decimal

import yaml
from django.core.management.base import BaseCommand, CommandParser

from alerts.models import QuietHours, Recipient
from provisioning.members import invitations_by_email, members_by_email
from provisioning.recipients import DEFAULT_SUBSCRIPTIONS, subscriptions
from provisioning.rules import stored_rules, written
from usage.models import Budget
from workspaces.command_line import get_workspaces_by_slug
from workspaces.models import ManagementSession, Workspace

HEADER = """\
# Written by `export`. Secrets are not in here: `stored: true` keeps what the console has. Applied to a console that
# has none, each of them needs `from_env: NAME` or `from_file: PATH` in its place.
"""


class _Dumper(yaml.SafeDumper):
    """Writes numbers unquoted, and no YAML aliases."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _figure(dumper: yaml.SafeDumper, value: Decimal) -> yaml.Node:
    is_whole = value == value.to_integral_value()
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if is_whole else 'float'}", f"{value.normalize():f}")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # PyYAML writes U+0085 as it is, and reads it as a line break, which becomes a space.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if "\x85" in value else None)


_Dumper.add_representer(Decimal, _figure)
_Dumper.add_representer(str, _text)


def export(workspaces: Iterable[Workspace]) -> str:
    state = {"workspaces": {workspace.slug: state_of(workspace) for workspace in workspaces}}
    text = yaml.dump(state, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return HEADER + str(text)


def state_of(workspace: Workspace) -> dict[str, object]:
    """Return the state of ``workspace`` for a file; empty values are left out."""
    state: dict[str, object] = {"name": workspace.name, "api_address": workspace.base_url}
    if workspace.api_key is not None:
        state["api_key"] = {"stored": True}
    if session := _session(workspace.management_session):
        state["session"] = session
    state["polling"] = "running" if workspace.paused_at is None else "paused"
    state["requires_second_factor"] = workspace.requires_mfa
    people = {email: invitation.role for email, invitation in invitations_by_email(workspace).items()}
    people |= {email: membership.role for email, membership in members_by_email(workspace).items()}
    state["members"] = dict(sorted(people.items()))
    state["rules"] = [written(rule, kind) for rule in stored_rules(workspace) if (kind := rule.kind_of)]
    if recipients := _recipients(workspace):
        state["recipients"] = recipients
    return state | _budget(workspace) | _quiet_hours(workspace)


def _session(session: ManagementSession | None) -> dict[str, object] | None:
    """Return a stored Clerk client session; a pasted token would expire before the file is used."""
    if session is None or session.kind != ManagementSession.Kind.CLERK:
        return None
    return {
        "frontend_api_url": session.frontend_api_url,
        "session_id": session.session_id,
        "client_token": {"stored": True},
    }


def _recipients(workspace: Workspace) -> dict[str, object]:
    rows = {row.address: subscriptions(row) for row in Recipient.objects.filter(workspace=workspace)}
    return {address: what for address, what in rows.items() if what != DEFAULT_SUBSCRIPTIONS}


def _budget(workspace: Workspace) -> dict[str, object]:
    budget = Budget.objects.filter(workspace=workspace).first()
    if budget is None:
        return {}
    what = {"credits": Decimal(budget.credits), "length": budget.length, "time_zone": budget.time_zone}
    return {"budget": {name: value for name, value in what.items() if value != ""}}


def _quiet_hours(workspace: Workspace) -> dict[str, object]:
    hours = QuietHours.objects.filter(workspace=workspace).first()
    if hours is None:
        return {}
    what = {"begin": _time(hours.begin), "end": _time(hours.end), "time_zone": hours.time_zone}
    return {"quiet_hours": {name: value for name, value in what.items() if value}}


def _time(value: time) -> str:
    return value.isoformat("auto" if value.second or value.microsecond else "minutes")


class Command(BaseCommand):
    help = "Export the current state of workspaces as a file for apply, without secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="*", help="its name in URLs; default: all workspaces")

    def handle(self, *, workspace: list[str], **_: object) -> None:
        self.stdout.write(export(get_workspaces_by_slug(workspace)), ending="")
