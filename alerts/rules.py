"""Rule kinds about the workspace itself: its credentials, and whether critical alerts reach anybody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.urls import reverse

from alerts.engine.rule_kinds import DefaultRule, Observation, Observations, RuleKind, per_workspace, register
from alerts.models import Rule
from alerts.services.reachability import UNREACHED_KIND, UnreachedRules, unreached_by_workspace
from core.formatting import time_marker
from workspaces.credentials.states import CredentialState, api_key_state, session_state
from workspaces.models import Workspace
from workspaces.polling.credential_trust import stored_credential
from workspaces.polling.registry import BALANCE, KEYS, CredentialKind


def read_credentials(workspace: Workspace, rules: Sequence[Rule], _: datetime) -> Mapping[int, Observations]:
    """Return 1 for each stored credential that upstream has rejected, else 0."""
    found = []
    if workspace.api_key is not None:
        found.append(_reading(workspace, "api_key", "API key", api_key_state(workspace)))
    session = workspace.management_session
    if session is not None:
        found.append(_reading(workspace, "session", "management session", session_state(workspace)))
    return {rule.pk: found for rule in rules}


def _reading(workspace: Workspace, subject: CredentialKind, label: str, state: CredentialState) -> Observation:
    return Observation(
        value=Decimal(int(state.is_rejected)),
        words=_in_words(label, state),
        subject=subject,
        label=label,
        url=reverse("workspaces:settings", args=[workspace.slug]),
        facts=(("What it means", state.sentence), *_since(workspace, subject)),
    )


def _in_words(label: str, state: CredentialState) -> str:
    if state.is_rejected:
        return f"Cleanlist rejects the {label}"
    return f"the {label} is accepted" if state.level == "ok" else f"the {label}: {state.word.lower()}"


def _since(workspace: Workspace, kind: CredentialKind) -> list[tuple[str, str]]:
    credential = stored_credential(workspace, kind)
    at: datetime | None = credential["rejected_at"] if credential else None
    return [("Rejected since", time_marker(at))] if at else []


register(
    RuleKind(
        name="credential_rejected",
        label="Credential rejected",
        explanation="Fires when Cleanlist no longer accepts a stored API key or management session: nothing that "
        "needs it syncs, so other rules may miss something.",
        direction="above",
        unit="",
        read=per_workspace(read_credentials),
        describe=lambda _: "Cleanlist rejects a stored credential",
        resources=frozenset({BALANCE, KEYS}),
        is_flag=True,
        position=50,
        defaults=(DefaultRule("Credential rejected", "critical", Decimal(0), Decimal(0), repeat_seconds=86400),),
    )
)


def read_hearing(rules: Sequence[Rule], _: datetime) -> Mapping[int, Observations]:
    """Return 1 if a critical rule would reach no one, else 0."""
    workspaces = {rule.workspace_id: rule.workspace for rule in rules}
    found = unreached_by_workspace(list(workspaces.values()))
    return {rule.pk: [_hearing(rule.workspace, found[rule.workspace_id])] for rule in rules}


def _hearing(workspace: Workspace, unreached: UnreachedRules) -> Observation:
    return Observation(
        value=Decimal(int(bool(unreached.rules))),
        words=unreached.words,
        url=reverse("alerts:emails", args=[workspace.slug]),
        facts=tuple(unreached.why.items()),
    )


register(
    RuleKind(
        name=UNREACHED_KIND,
        label="Critical alerts reach no one",
        explanation="Fires when a critical rule would notify no one: everyone it names has unsubscribed from critical "
        "emails, or their address is refused.",
        direction="above",
        unit="",
        read=read_hearing,
        describe=lambda _: "a critical rule would notify no one",
        is_flag=True,
        required_because="it warns on every page that critical alerts reach no one",
        position=51,
        defaults=(
            DefaultRule("Critical alerts reach no one", "warning", Decimal(0), Decimal(0), repeat_seconds=86400),
        ),
    )
)
