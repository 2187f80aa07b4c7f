"""The checklist on a workspace's overview. What is done is known from the data, never from a click."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.checklist import onboarding, tour
from dashboard.checklist.step import Step
from workspaces.access import current_role
from workspaces.models import Milestone, Role, User, Workspace
from workspaces.services import milestones
from workspaces.services.sandbox import is_sandbox


@dataclass(frozen=True)
class Checklist:
    """The steps that a person may take in a workspace."""

    title: str
    steps: list[Step]

    @property
    def done(self) -> int:
        """Return how many steps are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left."""
        return self.done == len(self.steps)

    @property
    def next(self) -> Step | None:
        """Return the first step that is not done."""
        return next((step for step in self.steps if not step.is_done), None)


def checklist_for(request: HttpRequest, workspace: Workspace) -> Checklist | None:
    """Return the checklist of ``workspace`` for the signed-in person; None if they dismissed it or have nothing to do.

    Four queries at most; once the session knows that it was dismissed, none.
    """
    user, role = request.user, current_role(request)
    if not isinstance(user, User) or role is None:
        return None
    reached = milestones.reached(request, workspace)
    if Milestone.Name.DISMISSED in reached:
        return None
    if is_sandbox(workspace):
        return Checklist("First steps in the sandbox", _permitted(tour.steps(workspace, user, reached), role))
    found = Checklist("Set up this workspace", _permitted(onboarding.steps(workspace), role))
    return None if found.is_complete else found


def _permitted(steps: Iterable[Step], role: Role) -> list[Step]:
    return [step for step in steps if role.includes(step.needs)]
