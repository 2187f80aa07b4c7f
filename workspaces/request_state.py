"""What the console itself notes about a request while it answers it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from workspaces.models import Role, Workspace

KeptRequest = dict[str, Any]  # what was stopped for a confirmation, as the session keeps it


@dataclass
class RequestState:
    """Filled by ``workspaces.access`` and by single sign-on, and read by whatever comes later in the request."""

    workspace: Workspace | None = None
    role: Role | None = None  # what the person is there
    needed_role: Role = Role.OWNER  # what the view asked for
    confirmed_as: int | None = None  # the user who has proved who they are
    unsent_request: KeptRequest | None = None  # what was stopped for a confirmation
    identity_proved_at: float | None = None  # when the identity provider last asked the person who they are


def state_of(request: HttpRequest) -> RequestState:
    """Return the state of ``request``; the first call begins it."""
    state: RequestState = vars(request).setdefault("console_state", RequestState())
    return state
