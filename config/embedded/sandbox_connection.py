"""Creates the first workspace, connected to the bundled sandbox."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from cleanlist import Secret
from config.embedded import CannotStart
from config.embedded.processes import Process
from config.environment import ROOT
from core import clock
from usage.history.csv_format import parse_history
from usage.history.imports import import_history
from workspaces.audit.events import CONSOLE, Actor
from workspaces.models import Action, AuditEvent, User, Workspace
from workspaces.services import Credentials, check_connection, connect_workspace, rename_workspace, replace_session

NAME = "Sandbox"
PAST = "Sandbox demo history"


def wait_until_listening(process: Process, host: str, port: int, seconds: float = 60) -> None:
    """Wait until ``process`` accepts connections on ``port``. Raises CannotStart if it ends, or never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process.check_alive()
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CannotStart(f"{process.name} didn't listen on port {port} within {seconds:.0f} seconds.")


def connect_sandbox(data: Path) -> None:
    """Connect a workspace to the sandbox with data in ``data``, as a user would in the console.

    Later starts only update the sandbox's port. Raises CannotStart if the sandbox gives no credentials.
    """
    known = _read_credentials(data)
    existing = Workspace.objects.filter(
        base_url__startswith="http://127.0.0.1:", organization_id=known["organization_id"]
    ).first()
    if existing is not None:
        if existing.base_url != known["base_url"]:
            _track_workflows(existing, known)
        return
    # A user who removed the workspace does not want it back at the next start.
    if not Workspace.objects.exists() and not AuditEvent.objects.filter(action=Action.WORKSPACE_REMOVED).exists():
        workspace = _connect(known)
        _import_history(workspace, data)


def _read_credentials(data: Path) -> dict[str, str]:
    known: dict[str, str] = json.loads(_run_sandbox_command("credentials", data))
    return known


def _run_sandbox_command(command: str, data: Path) -> str:
    """Return the output of a sandbox command."""
    line = [sys.executable, "-m", "sandbox", command, "--data", str(data)]
    answer = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    if answer.returncode != 0:
        raise CannotStart(f"The sandbox returned no {command.replace('-', ' ')}: {answer.stderr.strip()}")
    return answer.stdout


def _import_history(workspace: Workspace, data: Path) -> None:
    """Import the earlier balance, marked as a demonstration, so that the first page is not empty."""
    past = parse_history(_run_sandbox_command("balance-history", data), clock.now())
    import_history(workspace, CONSOLE, past.rows, PAST, is_demo=True)


def _credentials(known: dict[str, str]) -> Credentials:
    return Credentials(
        api_key=Secret(known["api_key"]),
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=Secret(known["clerk_client_token"]),
    )


def _first_admin() -> Actor:
    return Actor(user=User.objects.filter(is_superuser=True).order_by("pk").first())


def _connect(known: dict[str, str]) -> Workspace:
    credentials = _credentials(known)
    report = check_connection(known["base_url"], credentials.for_api_key(), credentials.for_session())
    actor = _first_admin()
    return connect_workspace(actor, name=NAME, base_url=known["base_url"], credentials=credentials, report=report)


def _track_workflows(workspace: Workspace, known: dict[str, str]) -> None:
    actor = _first_admin()
    rename_workspace(workspace, actor, name=workspace.name, base_url=known["base_url"])
    replace_session(workspace, actor, _credentials(known), None)
