"""The one way from a URL to a workspace: 404 for strangers, 403 for members who may not."""

from django.contrib.auth.models import AnonymousUser
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


def may_connect(user: User | AnonymousUser) -> bool:
    """Say whether ``user`` may connect a new workspace: a site admin, or someone who owns one already.

    Connecting decides where credentials are sent and who sees an organization, so it is no right of every account.
    """
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.is_superuser or user.memberships.filter(role=Role.OWNER).exists()


def require_connector(request: HttpRequest) -> None:
    """Raise PermissionDenied unless the signed-in person may connect a workspace."""
    if not may_connect(request.user):
        raise PermissionDenied(
            "Workspaces are connected by site admins and by people who own a workspace already. Ask one of them."
        )
