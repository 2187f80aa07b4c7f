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
        return EmptyState("nothing", "No requests yet", f"Requests appear here as soon as {whose} is used.")
    if session_state(workspace) != "ok":
        return without_session(
            workspace,
            "The request log is turned off",
            "Request logs require a management session.",
            "Renew it to sync the request log.",
        )
    if has_failed:
        return EmptyState("failed", "The log could not be synced", "The console tries again automatically.")
    text = f"It syncs within a minute after {whose} is first listed."
    return EmptyState("nothing", "The log has not synced yet", text)


def why_no_creation(workspace: Workspace) -> EmptyState | None:
    """Return why no key can be created; None if one can."""
    if session_state(workspace) == "ok":
        return None
    return without_session(
        workspace,
        "Creating keys is turned off",
        "Creating keys requires a management session.",
        "Renew it to create keys.",
    )
