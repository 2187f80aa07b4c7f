"""The first workspace: the console connected to the bundled sandbox."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dashboard.embedded import CannotStart
from dashboard.embedded.processes import Process
from workspaces.models import Workspace


def wait_until_listening(process: Process, port: int, seconds: float = 60) -> None:
    """Return once ``process`` accepts connections on ``port``. Raises CannotStart if it ends, or never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process.check_alive()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CannotStart(f"{process.name} did not listen on port {port} within {seconds:.0f} seconds.")


def read_credentials(data: Path) -> dict[str, Any]:
    """Return what the sandbox tells whoever may read its data directory. Raises CannotStart."""
    command = [sys.executable, "-m", "sandbox", "credentials", "--data", str(data)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if answer.returncode != 0:
        raise CannotStart(f"The sandbox gave no credentials: {answer.stderr.strip()}")
    credentials: dict[str, Any] = json.loads(answer.stdout)
    return credentials


def connect_sandbox(data: Path) -> Workspace | None:
    """Connect a workspace to the sandbox on first start; return None if there is a workspace already."""
    if Workspace.objects.exists():
        return None
    raise NotImplementedError(read_credentials(data))
