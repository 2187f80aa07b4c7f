"""What of workspaces and accounts can be found: workspaces by name, people, and their pages."""

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from workspaces.access import may_connect
from workspaces.find.registry import Destination, Finder, Found, Search, register, register_destinations
from workspaces.models import Membership, Role, User, Workspace


def _workspaces(search: Search) -> Iterator[Found]:
    """Yield workspaces to switch to."""
    named = Q(name__icontains=search.text) | Q(organization_name__icontains=search.text)
    others = Workspace.objects.visible_to(search.user).filter(named)
    if search.workspace:
        others = others.exclude(pk=search.workspace.pk)
    for one in others.only("name", "slug", "organization_name")[:20]:
        yield Found(one.name, one.get_absolute_url(), one.organization_name)


def _members(search: Search) -> Iterator[Found]:
    named = Q(user__email__icontains=search.text) | Q(user__name__icontains=search.text)
    members = Membership.objects.filter(named, workspace=search.here).select_related("user").order_by("user__email")
    url = reverse("workspaces:members", args=[search.here.slug])
    for member in members[:20]:
        yield Found(member.user.email, url, f"{Role(member.role).label} of {search.here.name}")


def _people(search: Search) -> Iterator[Found]:
    """Yield accounts of the whole console, for site admins."""
    if not _is_site_admin(search.user):
        return
    named = Q(email__icontains=search.text) | Q(name__icontains=search.text)
    for user in User.objects.filter(named).order_by("email")[:20]:
        url = f"{reverse('workspaces:people')}?{urlencode({'q': user.email})}"
        yield Found(user.email, url, user.name if user.is_active else "Deactivated")


def _is_site_admin(user: User) -> bool:
    return user.is_active and user.is_superuser


register(
    Finder("workspaces", "Workspaces", "grid", _workspaces, rank=90, role=None),
    Finder("members", "Members", "user", _members, rank=70, role=Role.OWNER),
    Finder("people", "People", "user", _people, rank=80, role=None),
)
register_destinations(
    Destination("Polling", "workspaces:polling", "sync synced fresh refresh"),
    Destination("Audit", "workspaces:audit", "trail history log who export csv download"),
    Destination("Members", "workspaces:members", "people roles invitations", Role.OWNER),
    Destination("Settings", "workspaces:settings", "credentials api key session organization"),
    Destination("Invite a member", "workspaces:members", "add member user people", Role.OWNER, is_action=True),
    Destination("Replace the API key", "workspaces:settings", "credential", Role.OWNER, True, "#api-key"),
    Destination("Replace the session", "workspaces:settings", "credential clerk", Role.OWNER, True, "#session"),
    Destination("Pause or resume polling", "workspaces:polling", "stop sync", Role.OWNER, is_action=True),
    Destination("Remove the workspace", "workspaces:remove", "delete disconnect", Role.OWNER, is_action=True),
    Destination(
        "Connect a workspace", "workspaces:new", "add new create organization", None, True, is_allowed=may_connect
    ),
    Destination("Profile", "workspaces:profile", "account name time zone", None),
    Destination("Security", "mfa_index", "password passkey authenticator recovery second factor mfa 2fa totp", None),
    Destination("Sessions", "usersessions_list", "signed in devices browsers", None),
    Destination("Sign out", "account_logout", "log out leave", None, is_action=True),
    Destination("Sign out everywhere", "end_all_sessions", "log out sessions devices", None, is_action=True),
    Destination("People", "workspaces:people", "accounts users site admin", None, is_allowed=_is_site_admin),
    Destination("Audit of the whole console", "workspaces:site_audit", "trail site", None, is_allowed=_is_site_admin),
    Destination("Session limits", "workspaces:session_limits", "idle timeout hours", None, is_allowed=_is_site_admin),
)
