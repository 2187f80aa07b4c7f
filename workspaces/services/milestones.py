"""Notes what a person has reached on a workspace's checklist. The session remembers it too, so that it costs once."""

from django.http import HttpRequest

from workspaces.models import Milestone, User, Workspace
from workspaces.services.sandbox import is_sandbox

_SESSION_KEY = "milestones"


def note_in_sandbox(request: HttpRequest, workspace: Workspace, name: Milestone.Name) -> None:
    """Note a milestone of the tour through the sandbox; does nothing in other workspaces, which have none."""
    if is_sandbox(workspace) and name not in _remembered(request, workspace):
        note(request, workspace, name)


def note(request: HttpRequest, workspace: Workspace, name: Milestone.Name) -> None:
    """Note that the signed-in person has reached ``name`` in ``workspace``; once is enough."""
    user = request.user
    if isinstance(user, User):
        row = Milestone(user=user, workspace=workspace, name=name)
        Milestone.objects.bulk_create([row], ignore_conflicts=True)
        _remember(request, workspace, {*_remembered(request, workspace), name})


def forget(request: HttpRequest, workspace: Workspace, name: Milestone.Name) -> None:
    """Take back that the signed-in person has reached ``name`` in ``workspace``."""
    Milestone.objects.filter(user=request.user.pk, workspace=workspace, name=name).delete()
    _remember(request, workspace, {*_remembered(request, workspace)} - {name})


def reached(request: HttpRequest, workspace: Workspace) -> set[str]:
    """Return the names of what the signed-in person has reached in ``workspace``.

    One query, or none once the session knows that they dismissed the checklist.
    """
    if Milestone.Name.DISMISSED in _remembered(request, workspace):
        return {Milestone.Name.DISMISSED.value}
    rows = Milestone.objects.filter(user=request.user.pk, workspace=workspace)
    names = set(rows.values_list("name", flat=True))
    if Milestone.Name.DISMISSED in names:
        _remember(request, workspace, names)
    return names


def _remembered(request: HttpRequest, workspace: Workspace) -> set[str]:
    return set(request.session.get(_SESSION_KEY, {}).get(str(workspace.pk), ()))


def _remember(request: HttpRequest, workspace: Workspace, names: set[str]) -> None:
    known = request.session.get(_SESSION_KEY, {})
    request.session[_SESSION_KEY] = {**known, str(workspace.pk): sorted(str(name) for name in names)}
