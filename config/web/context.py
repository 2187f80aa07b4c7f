"""What every template can see."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from config import __version__
from config.health import liveness
from workspaces.access import current_role, may_connect, take_held_request, take_unsent_request
from workspaces.models import Role, Workspace

# What a menu can hold; the start page, which the menu leads to, has them all.
MOST_IN_MENU = 30


def console(request: HttpRequest) -> dict[str, Any]:
    """Return the workspaces of the menu, the current one, what the viewer may do, the chosen theme, our version."""
    workspace: Workspace | None = getattr(request, "workspace", None)
    theme = request.COOKIES.get("theme")
    return {
        # Under one name, so that no page's own context can take its place.
        "console": {
            "workspaces": _visible_workspaces(request),
            "workspace": workspace,
            "owns": current_role(request) == Role.OWNER,
            "may_connect": may_connect(request.user) if hasattr(request, "user") else False,
            "sso_only_except": settings.SSO_ONLY_EXCEPT,
            "second_factor_for_all": settings.REQUIRE_SECOND_FACTOR,
            "theme": theme if theme in {"light", "dark"} else None,
            "version": __version__,
            # Asked for by pages of people who are signed in.
            "liveness": liveness.current_liveness,
            # Drawn by a whole page only, which is what confirming leads to.
            "held_up": lambda: take_held_request(request) if hasattr(request, "session") else None,
            "not_done": lambda: take_unsent_request(request) if hasattr(request, "session") else None,
        }
    }


def _visible_workspaces(request: HttpRequest) -> list[Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return list(Workspace.objects.visible_to(user).values("name", "slug")[:MOST_IN_MENU])
