"""The steps of applying a file, and the problems that prevent it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.core.exceptions import PermissionDenied
from django.db import transaction

from provisioning.yaml_reader import Node, Problem
from workspaces.audit.events import Actor
from workspaces.credentials.clients import AddressNotAllowed
from workspaces.mail_limits import TooManyEmails
from workspaces.models import Workspace
from workspaces.services import ConnectionReport, Credentials
from workspaces.services.members import MembershipRefused

StepKind = Literal["create", "change", "remove", "only here", "left alone"]
CHANGES: tuple[StepKind, ...] = ("create", "change", "remove")
REFUSALS = (MembershipRefused, TooManyEmails, AddressNotAllowed, PermissionDenied)


@dataclass(frozen=True)
class PlannedStep:
    """A change, or a difference that is left as it is; ``path`` is the position in the document."""

    verb: StepKind
    path: str
    text: str


@dataclass(frozen=True)
class NewCredentials:
    """Credentials for upstream to check before they are stored; ``workspace`` is None for a new one."""

    slug: str
    node: Node
    base_url: str
    credentials: Credentials
    workspace: Workspace | None = None


@dataclass
class ChangeSet:
    """Performs steps within the caller's transaction, and collects problems."""

    actor: Actor
    delete: bool = False
    reports: Mapping[str, ConnectionReport] = field(default_factory=dict)
    steps: list[PlannedStep] = field(default_factory=list)
    credentials: list[NewCredentials] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unchanged: int = 0

    @property
    def changes(self) -> int:
        return sum(step.verb in CHANGES for step in self.steps)

    def counts(self) -> dict[str, int]:
        """Return the number of steps by verb, and of unchanged items."""
        counted = Counter(step.verb for step in self.steps)
        verbs: tuple[StepKind, ...] = (*CHANGES, "only here", "left alone")
        return {verb: counted[verb] for verb in verbs} | {"unchanged": self.unchanged}

    def same(self) -> None:
        """Count an item that already matches the file."""
        self.unchanged += 1

    def refuse(self, node: Node, text: str) -> None:
        self.problems.append(node.problem(text))

    def do(self, verb: StepKind, node: Node, text: str, act: Callable[[], object]) -> None:
        """Perform a step. If it is refused, record the problem and roll the step back."""
        self.steps.append(PlannedStep(verb, node.path, text))
        try:
            with transaction.atomic():
                act()
        except REFUSALS as refusal:
            self.refuse(node, str(refusal))

    def surplus(self, node: Node, text: str, act: Callable[[], object]) -> None:
        """Remove an item that is not in the file if ``delete`` is set, otherwise report it."""
        if self.delete:
            self.do("remove", node, text, act)
        else:
            self.leave("only here", node, text)

    def leave(self, verb: StepKind, node: Node, text: str) -> None:
        """Record a difference that is left as it is."""
        self.steps.append(PlannedStep(verb, node.path, text))

    def report_of(self, workspace: Workspace) -> ConnectionReport:
        """Return upstream's check of the new credentials; in a plan, nothing is known yet."""
        return self.reports.get(workspace.slug, ConnectionReport())
