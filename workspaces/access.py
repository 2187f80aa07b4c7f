"""The one way from a URL to a workspace: 404 for strangers, 403 for members who may not."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from workspaces.models import Role, User, Workspace


def get_workspace(request: HttpRequest, slug: str, role: Role = Role.VIEWER) -> Workspace:
    """Return the workspace if the signed-in person may act there as ``role``.

    Raises Http404 when it does not exist for them, PermissionDenied when they are a member without that right.
    """
    user = request.user
    workspace = Workspace.objects.visible_to(user).select_related("session").filter(slug=slug).first()
    if workspace is None or not isinstance(user, User):
        raise Http404("No such workspace.")
    held = workspace.role_of(user)
    if held is None or not held.includes(role):
        raise PermissionDenied(f"This needs the role “{role.label}” in {workspace.name}. Ask one of its owners for it.")
    request.workspace = workspace  # type: ignore[attr-defined]  # read by dashboard.context
    return workspace
