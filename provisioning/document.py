"""Parses a file of workspaces and validates it with the pages' forms, without using the database."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django import forms

from alerts.forms import NewRecipientForm, QuietHoursForm
from alerts.models import QuietHours, Recipient
from cleanlist import Secret
from cleanlist.models import JsonObject
from core.email_addresses import normalize_email
from provisioning.fields import STORED_SECRET, Located, NodeParser, StoredSecret
from provisioning.rules import RuleSpec, read_rules
from provisioning.yaml_reader import Node, read_yaml
from usage.budgets.forms import BudgetForm
from workspaces.forms import ApiKeyForm, DetailsForm, SessionForm
from workspaces.models import Role
from workspaces.people_forms import InvitationForm
from workspaces.services.connections import RESERVED_SLUGS

DETAILS = {"name": "name", "base_url": "api_address"}
SESSION = ("frontend_api_url", "session_id", "client_token")
NO_SUMMARY = "none"
# Stands in for a stored secret, so that the form can validate the other fields.
_SOME_TOKEN = "stored"  # noqa: S105


@dataclass(frozen=True)
class SessionSpec:
    """A Clerk client session."""

    frontend_api_url: str
    session_id: str
    client_token: Secret | StoredSecret


@dataclass(frozen=True)
class RecipientSpec:
    """What an email address receives; None leaves a value as it is."""

    summary: str | None
    critical: bool | None
    warnings: bool | None


@dataclass
class WorkspaceSpec:
    """One workspace in the file.

    None means that the file does not mention a value; None within ``Located`` means that the value is to be removed.
    """

    node: Node
    slug: str
    details: dict[str, str]
    is_absent: bool = False
    api_key: Located[Secret | StoredSecret | None] | None = None
    session: Located[SessionSpec | None] | None = None
    is_polled: Located[bool] | None = None
    requires_mfa: Located[bool] | None = None
    members: Located[dict[str, Located[Role]]] | None = None
    rules: Located[list[RuleSpec]] | None = None
    recipients: Located[dict[str, Located[RecipientSpec]]] | None = None
    budget: Located[JsonObject | None] | None = None
    quiet_hours: Located[QuietHours | None] | None = None


def parse_document(content: bytes, folder: Path) -> list[WorkspaceSpec]:
    """Return the workspaces in the file ``content``. Raises NotApplicable with all problems."""
    node, fields = read_yaml(content), NodeParser(folder)
    if node.value is None:
        fields.refuse(node, "The file is empty. Start it with “workspaces:”.")
        fields.finish()
    top = fields.mapping(node, ("workspaces",))
    parts = fields.mapping(top["workspaces"]) if "workspaces" in top else {}
    wanted = [_workspace(fields, slug, part) for slug, part in parts.items()]
    fields.finish()
    return wanted


def _workspace(fields: NodeParser, slug: str, node: Node) -> WorkspaceSpec:
    fields.guarded(lambda: _slug(slug), node)
    wanted = WorkspaceSpec(node, slug, {}, is_absent=node.value is None)
    if wanted.is_absent:
        return wanted
    parts = fields.mapping(node, tuple(_PARTS))
    given = {field: fields.text(parts[name]) for field, name in DETAILS.items() if name in parts}
    form = DetailsForm(given)
    for name in DETAILS.keys() - given.keys():
        del form.fields[name]
    if fields.check(form, node, DETAILS):
        wanted.details = form.cleaned_data
    for name, part in parts.items():
        if reader := _PARTS.get(name):
            attribute, understood = reader
            setattr(wanted, attribute, Located(part, understood(fields, part)))
    return wanted


def _slug(slug: str) -> str:
    if slug in RESERVED_SLUGS:
        raise forms.ValidationError(f"A workspace can't be named {slug}: a page uses this URL.")
    messages = {"invalid": "This is the workspace's name in URLs. Use only letters, digits, - and _."}
    return str(forms.SlugField(max_length=80, error_messages=messages).clean(slug))


def _api_key(fields: NodeParser, node: Node) -> Secret | StoredSecret | None:
    if node.value is None:
        return None
    secret = fields.secret(node)
    if isinstance(secret, Secret):
        fields.check(ApiKeyForm({"api_key": secret.reveal()}), Node(node.line, node.path, {"api_key": node}))
    return secret


def _session(fields: NodeParser, node: Node) -> SessionSpec | None:
    if node.value is None:
        return None
    parts = fields.mapping(node, SESSION)
    token = fields.secret(parts["client_token"]) if "client_token" in parts else None
    if token is None and "client_token" in parts:
        return None  # already reported
    data = {name: fields.text(parts[name]) for name in SESSION[:2] if name in parts}
    data["client_token"] = token.reveal() if isinstance(token, Secret) else _SOME_TOKEN if token else ""
    form = SessionForm(data | {"session_kind": SessionForm.CLERK})
    if not fields.check(form, node):
        return None
    cleaned = form.cleaned_data
    return SessionSpec(
        cleaned["frontend_api_url"],
        cleaned["session_id"],
        STORED_SECRET if token is STORED_SECRET else cleaned["client_token"],
    )


def _is_polled(fields: NodeParser, node: Node) -> bool:
    states = {"running": True, "paused": False}
    if (text := fields.text(node)) not in states:
        fields.refuse(node, "Write running or paused.")
    return states.get(text, True)


def _members(fields: NodeParser, node: Node) -> dict[str, Located[Role]]:
    found: dict[str, Located[Role]] = {}
    for email, part in _by_address(fields, node).items():
        form = InvitationForm({"email": email, "role": fields.text(part)})
        if fields.check(form, Node(part.line, part.path, {"email": part, "role": part})):
            found[form.cleaned_data["email"]] = Located(part, Role(form.cleaned_data["role"]))
    return found


def _recipients(fields: NodeParser, node: Node) -> dict[str, Located[RecipientSpec]]:
    found: dict[str, Located[RecipientSpec]] = {}
    for typed, part in _by_address(fields, node).items():
        parts = fields.mapping(part, ("summary", "critical", "warnings"))
        said = fields.text(parts["summary"]) if "summary" in parts else NO_SUMMARY
        form = NewRecipientForm({"address": typed, "summary": said})
        form.fields["summary"] = forms.ChoiceField(choices=[*Recipient.Summary.choices[1:], (NO_SUMMARY, "No summary")])
        fields.check(form, Node(part.line, part.path, {"address": part, **parts}))
        address = form.cleaned_data.get("address", typed)
        summary = None if "summary" not in parts else "" if said == NO_SUMMARY else said
        flags = (fields.flag(parts[name]) if name in parts else None for name in ("critical", "warnings"))
        found[address] = Located(part, RecipientSpec(summary, *flags))
    return found


def _by_address(fields: NodeParser, node: Node) -> dict[str, Node]:
    """Return the parts by lower-case email address; duplicates that differ only in case are refused."""
    found: dict[str, Node] = {}
    for address, part in fields.mapping(node).items() if node.value is not None else ():
        lower = normalize_email(address.strip())
        if lower in found:
            fields.refuse(part, f"This address is already on line {found[lower].line}.")
        found[lower] = part
    return found


def _budget(fields: NodeParser, node: Node) -> dict[str, object] | None:
    if node.value is None:
        return None
    parts = fields.mapping(node, ("credits", "length", "time_zone"))
    form = BudgetForm(None, {name: fields.text(part) for name, part in parts.items()}, has_rules=True)
    return form.cleaned_data if fields.check(form, node) else None


def _quiet_hours(fields: NodeParser, node: Node) -> QuietHours | None:
    if node.value is None:
        return None
    parts = fields.mapping(node, ("begin", "end", "time_zone"))
    form = QuietHoursForm({name: fields.text(part) for name, part in parts.items()})
    if not fields.check(form, node):
        return None
    if (hours := form.hours()) is None:
        fields.refuse(node, "Enter when they start and end.")
    return hours


_Reader = Callable[[NodeParser, Node], object]
_PARTS: dict[str, tuple[str, _Reader] | None] = {
    "name": None,
    "api_address": None,
    "api_key": ("api_key", _api_key),
    "session": ("session", _session),
    "polling": ("is_polled", _is_polled),
    "requires_second_factor": ("requires_mfa", lambda fields, node: bool(fields.flag(node))),
    "members": ("members", _members),
    "rules": ("rules", read_rules),
    "recipients": ("recipients", _recipients),
    "budget": ("budget", _budget),
    "quiet_hours": ("quiet_hours", _quiet_hours),
}
