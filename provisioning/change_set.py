"""One run through a file: what it does, step by step, and what is in its way."""

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
    """One thing that is done, or that differs and is left as it is; ``path`` is its place in the document."""

    verb: StepKind
    path: str
    text: str


@dataclass(frozen=True)
class NewCredentials:
    """What upstream has to judge before it is stored; ``workspace`` is None for one that is new."""

    slug: str
    node: Node
    base_url: str
    credentials: Credentials
    workspace: Workspace | None = None


@dataclass
class ChangeSet:
    """Does steps in the transaction that its caller holds."""

    actor: Actor
    delete: bool = False
    reports: Mapping[str, ConnectionReport] = field(default_factory=dict)
    steps: list[PlannedStep] = field(default_factory=list)
    credentials: list[NewCredentials] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unchanged: int = 0

    @property
    def changes(self) -> int:
        """Return how many steps change something."""
        return sum(step.verb in CHANGES for step in self.steps)

    def counts(self) -> dict[str, int]:
        """Return how many steps there are of each verb, and what is as the file says."""
        counted = Counter(step.verb for step in self.steps)
        verbs: tuple[StepKind, ...] = (*CHANGES, "only here", "left alone")
        return {verb: counted[verb] for verb in verbs} | {"unchanged": self.unchanged}

    def same(self) -> None:
        """Note that something is as the file says."""
        self.unchanged += 1

    def refuse(self, node: Node, text: str) -> None:
        """Note what is in the way."""
        self.problems.append(node.problem(text))

    def do(self, verb: StepKind, node: Node, text: str, act: Callable[[], object]) -> None:
        """Take a step; what refuses it is noted, and then nothing of it is done."""
        self.steps.append(PlannedStep(verb, node.path, text))
        try:
            with transaction.atomic():
                act()
        except REFUSALS as refusal:
            self.refuse(node, str(refusal))

    def surplus(self, node: Node, text: str, act: Callable[[], object]) -> None:
        """Remove what the file does not have, where that was asked for."""
        if self.delete:
            self.do("remove", node, text, act)
        else:
            self.leave("only here", node, text)

    def leave(self, verb: StepKind, node: Node, text: str) -> None:
        """Note what differs and stays."""
        self.steps.append(PlannedStep(verb, node.path, text))

    def report_of(self, workspace: Workspace) -> ConnectionReport:
        """Return what upstream thinks of the new credentials; nothing is known in a plan."""
        return self.reports.get(workspace.slug, ConnectionReport())
