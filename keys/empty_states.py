"""Why there is nothing to show, in words."""

from dataclasses import dataclass

from django.urls import reverse

from workspaces.models import Workspace


@dataclass(frozen=True)
class EmptyState:
    """Why there is nothing, in the form that ``components/blank.html`` takes."""

    kind: str
    title: str
    text: str = ""
    action_url: str = ""
    action_label: str = ""


def session_state(workspace: Workspace) -> str:
    """Return "ok", or why commands are disabled and logs are not read: "missing", "expired" or "rejected"."""
    session = workspace.management_session
    if session is None:
        return "missing"
    if session.rejected_at is not None:
        return "rejected"
    return "expired" if session.is_expired else "ok"


def without_session(
    workspace: Workspace, title: str, missing: str, over: str, add: str = "Add a management session"
) -> EmptyState:
    """Return what to say where the management session is missing, or is over."""
    settings_url = reverse("workspaces:settings", args=[workspace.slug])
    if session_state(workspace) == "missing":
        return EmptyState("not-connected", title, missing, settings_url, add)
    return EmptyState("expired", "Management session expired", over, settings_url, "Renew the session")


def why_no_requests(
    workspace: Workspace, *, is_read: bool, has_failed: bool = False, whose: str = "a key"
) -> EmptyState:
    """Return why a log without filters is empty."""
    if is_read:
        return EmptyState("nothing", "No request yet", f"As soon as {whose} is used, its requests appear here.")
    if session_state(workspace) != "ok":
        return without_session(
            workspace,
            "The request log is switched off",
            "Cleanlist shows request logs to a management session only.",
            "The request log cannot be read until it is renewed.",
        )
    if has_failed:
        return EmptyState("failed", "The log could not be read", "It is tried again by itself.")
    text = f"It is read within a minute after {whose} is first seen."
    return EmptyState("nothing", "The log has not been read yet", text)


def why_no_creation(workspace: Workspace) -> EmptyState | None:
    """Return why no key can be created; None if one can."""
    if session_state(workspace) == "ok":
        return None
    return without_session(
        workspace,
        "Creating keys is switched off",
        "Cleanlist takes this command from a management session only, and none is stored.",
        "Creating keys is switched off until it is renewed.",
    )
