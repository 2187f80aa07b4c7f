"""The sandbox that runs beside this console: which workspaces are connected to it, and what it is asked to do."""

import http.client
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Outcome, Workspace

# The control surface accepts only callers on this machine, so the address is never taken from a workspace.
HOST = "127.0.0.1"
_OWN_NAMES = {HOST, "localhost"}
SECONDS = 5.0
# What people are offered to fill the balance up to, and what it is after a reset.
FULL_BALANCE = 10_000


class SandboxRefused(Exception):
    """The sandbox did not do what it was asked to; the message says why."""


def is_own_name(host: str) -> bool:
    """Return whether ``host`` is a name by which programs on this machine, and only they, reach it."""
    return host in _OWN_NAMES


def is_sandbox(workspace: Workspace) -> bool:
    """Return whether ``workspace`` is connected to the sandbox that runs beside this console."""
    try:
        address = urlsplit(workspace.base_url)
        is_own = is_own_name(address.hostname or "") and address.port == settings.SANDBOX_PORT
    except ValueError:
        return False
    return is_own and _token_file().is_file()


def set_credits(workspace: Workspace, actor: Actor, amount: int) -> None:
    """Have the sandbox set the balance of the workspace's organization, and record that.

    Raises SandboxRefused if the workspace is not connected to the sandbox, or the sandbox does not do it.
    """
    body: dict[str, object] = {"organization_id": workspace.organization_id, "credits": amount}
    _do(workspace, actor, "credits", body, Action.SANDBOX_CREDITS_SET, credits=amount)


def reset_demo(workspace: Workspace, actor: Actor) -> None:
    """Have the sandbox restore its demo keys, fill up its balance, revoke all keys created since, and record that.

    Raises SandboxRefused like ``set_credits``.
    """
    body: dict[str, object] = {"organization_id": workspace.organization_id, "credits": FULL_BALANCE}
    _do(workspace, actor, "reset", body, Action.SANDBOX_RESET)


def _do(
    workspace: Workspace, actor: Actor, what: str, body: dict[str, object], action: Action, **details: object
) -> None:
    if not is_sandbox(workspace):
        raise SandboxRefused("This workspace is not connected to the sandbox of this console.")
    problem = _post(what, body)
    record_event(
        action,
        actor,
        workspace=workspace,
        outcome=Outcome.FAILED if problem else Outcome.SUCCEEDED,
        subject=(workspace.organization_id, workspace.organization_name),
        message=problem,
        **details,
    )
    if problem:
        raise SandboxRefused(problem)


def _post(what: str, body: dict[str, object]) -> str:
    """Send ``body`` to the control surface; return an empty string, or what went wrong."""
    try:
        headers = {"Content-Type": "application/json", "X-Sandbox-Control": _token_file().read_text().strip()}
        with closing(http.client.HTTPConnection(HOST, settings.SANDBOX_PORT, timeout=SECONDS)) as connection:
            connection.request("POST", f"/_sandbox/{what}", json.dumps(body), headers)
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return "The sandbox does not respond. `make run` starts it."
    return "" if status == 200 else f"The sandbox returned {status}."


def _token_file() -> Path:
    return Path(settings.SANDBOX_DIR) / "control-token"
