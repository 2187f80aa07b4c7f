"""Context for every template."""

from django.conf import settings
from django.http import HttpRequest

from config import __version__
from config.health import liveness
from config.web.middleware import follows_browser_zone, wants_utc
from workspaces.access import may_connect, take_held_request, take_unsent_request
from workspaces.models import Role, Workspace
from workspaces.request_state import state_of
from workspaces.services import sandbox

# The capacity of the menu; the start page, which the menu links to, lists all workspaces.
MOST_IN_MENU = 30


def console(request: HttpRequest) -> dict[str, object]:
    """Return the page's workspace, what the viewer may do in it, and what surrounds every page."""
    state = state_of(request)
    theme = request.COOKIES.get("theme")
    return {
        "workspace": state.workspace,
        "can_operate": state.role is not None and state.role.includes(Role.OPERATOR),
        "is_owner": state.role == Role.OWNER,
        # Under one name, so that no page's own context overrides it.
        "console": {
            "workspaces": _visible_workspaces(request),
            "may_connect": may_connect(request.user) if hasattr(request, "user") else False,
            "sso_only_except": settings.SSO_ONLY_EXCEPT,
            "second_factor_for_all": settings.REQUIRE_SECOND_FACTOR,
            "is_utc": wants_utc(request),
            # Of pages with times that can be loaded anew; see static/js/time.js.
            "follows_zone": lambda: (
                request.method == "GET" and request.user.is_authenticated and follows_browser_zone(request)
            ),
            "theme": theme if theme in {"light", "dark"} else None,
            "version": __version__,
            "sandbox": _sandbox(request, state.workspace),
            # Called only by pages for signed-in people.
            "liveness": liveness.current_liveness,
            # Called only by full pages, which is what confirming leads to.
            "held_up": lambda: take_held_request(request) if hasattr(request, "session") else None,
            "not_done": lambda: take_unsent_request(request) if hasattr(request, "session") else None,
        },
    }


def _visible_workspaces(request: HttpRequest) -> list[object]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return list(Workspace.objects.visible_to(user).values("name", "slug")[:MOST_IN_MENU])


def _sandbox(request: HttpRequest, workspace: Workspace | None) -> dict[str, object] | None:
    """Return what the sandbox's menu needs, in workspaces that are connected to it."""
    if workspace is None or not sandbox.is_sandbox(workspace):
        return None
    # Its documentation is on this machine only, so it is no use to a browser elsewhere.
    is_here = sandbox.is_own_name(request.get_host().partition(":")[0])
    docs_url = f"http://{sandbox.HOST}:{settings.SANDBOX_PORT}/docs" if is_here else ""
    return {"docs_url": docs_url, "full_balance": sandbox.FULL_BALANCE}
