"""The one way from a URL to a workspace: 404 for strangers, 403 for members who may not.

Whoever may act, but must do something first, is sent there and comes back: ``Detour``.
"""

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from workspaces.models import Role, User, Workspace
from workspaces.models.user import has_second_factor

# Seconds for filling in a form that was opened with a fresh confirmation.
TIME_TO_FILL_IN = 600
_KEPT = "entries_kept_during_confirmation"


class Detour(Exception):
    """The person has to go to ``url`` before they may go on; a middleware leads them there."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def get_workspace(request: HttpRequest, slug: str, role: Role = Role.VIEWER) -> Workspace:
    """Return the workspace if the signed-in person may act there as ``role``.

    Raises Http404 when it does not exist for them, PermissionDenied when they are a member without that right, and
    Detour when the workspace asks for a second factor that they have not set up.
    """
    user = request.user
    workspace = Workspace.objects.visible_to(user).select_related("session").filter(slug=slug).first()
    if workspace is None or not isinstance(user, User):
        raise Http404("No such workspace.")
    held = workspace.role_of(user)
    if held is None or not held.includes(role):
        raise PermissionDenied(f"This needs the role “{role.label}” in {workspace.name}. Ask one of its owners for it.")
    if workspace.requires_mfa and not has_second_factor(user):
        request.session["enrol_for"] = workspace.slug
        messages.warning(request, f"{workspace.name} asks its members for a second factor. Set one up to open it.")
        raise Detour(reverse("mfa_index"))
    request.session.pop("enrol_for", None)  # they have arrived
    request.needed_role = role  # type: ignore[attr-defined]
    request.workspace = workspace  # type: ignore[attr-defined]  # read by dashboard.context
    request.role = held  # type: ignore[attr-defined]
    return workspace


def held_role(request: HttpRequest) -> Role | None:
    """Return as what the person may act in the workspace of this request; None before ``get_workspace`` has found out.

    For what a page offers. Whether they may is for ``get_workspace`` to say, with the role that an action needs.
    """
    return getattr(request, "role", None)


def is_still_allowed(request: HttpRequest) -> bool:
    """Say whether who sent ``request`` still is signed in and in the right that it took: for answers that take long.

    Asks the database. The right is the role given to ``get_workspace``, or that of a site admin.
    """
    user = User.objects.filter(pk=request.user.pk or 0, is_active=True).first()
    if user is None or not request.session.exists(request.session.session_key or ""):
        return False
    workspace: Workspace | None = getattr(request, "workspace", None)
    if workspace is None:
        return user.is_superuser
    held = workspace.role_of(user)
    return held is not None and held.includes(getattr(request, "needed_role", Role.OWNER))


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


def require_site_admin(request: HttpRequest) -> User:
    """Return the signed-in site admin. Raises PermissionDenied for anybody else."""
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_superuser):
        raise PermissionDenied("This page is for site admins.")
    return user


def is_confirmed(request: HttpRequest, seconds: int | None = None) -> bool:
    """Say whether the person proved who they are within the last ``seconds``, ten minutes by default.

    Signing in counts as well as confirming. Who has a second factor must have used it; for others it is the
    password, the identity provider, or the invitation that they opened their account with.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    wanted = {"mfa"} if has_second_factor(user) else {"password", "socialaccount", "invitation"}
    since = time.time() - (seconds or settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
    records = get_authentication_records(request, user)
    return any(record["method"] in wanted and record["at"] > since for record in records)


def require_confirmation(request: HttpRequest, back: str = "", keep: tuple[str, ...] = ()) -> None:
    """Let only those go on who proved who they are lately; call it after ``get_workspace``.

    Raises Detour to the page that asks; from there they land on ``back`` (this address by default), where
    ``entries_kept`` returns what they had typed into the fields ``keep``, which must not hold secrets. A form that was
    opened in time may be sent ten minutes later.
    """
    grace = TIME_TO_FILL_IN if request.method == "POST" else 0
    if is_confirmed(request, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + grace):
        return
    if request.method == "POST" and keep:
        request.session[_KEPT] = {name: request.POST[name][:1000] for name in keep if name in request.POST}
    if not _confirmation_methods(request):
        text = "Your account has no password and no passkey yet. Sign out, then choose “Forgot your password?”."
        messages.warning(request, text)
    raise Detour(confirmation_url(request, back or request.get_full_path()))


def confirmation_url(request: HttpRequest, back: str) -> str:
    """Return the page where the person confirms who they are and is then led to ``back``."""
    methods = _confirmation_methods(request)
    return f"{methods[0]['url']}?{urlencode({'next': back})}" if methods else reverse("mfa_index")


def _confirmation_methods(request: HttpRequest) -> list[dict[str, Any]]:
    methods: list[dict[str, Any]] = get_adapter(request).get_reauthentication_methods(request.user)
    return methods


def entries_kept(request: HttpRequest) -> dict[str, Any]:
    """Return, once, what the person had typed before they had to confirm who they are."""
    kept: dict[str, Any] = request.session.pop(_KEPT, {})
    return kept
