"""Where the database and the bundled Redis server are, from what the operator chose."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from config import setting_checks
from config.setting_checks import DatabaseSettings

# sockaddr_un.sun_path holds 108 bytes on Linux, including the final zero; on macOS 104.
_LONGEST_SOCKET_PATH = 103
# Timeouts after which a server that vanished silently counts as down; the default would be a quarter of an hour.
# DATABASE_URL takes precedence.
_UNANSWERED = {
    "connect_timeout": 10,
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def database(url: str, var_dir: Path) -> DatabaseSettings:
    """Return the settings of the database at ``url``, or of the embedded SQLite file."""
    if url:
        config = setting_checks.database(url)
        if "postgresql" in config["ENGINE"]:
            config["OPTIONS"] = {**_UNANSWERED, **config.get("OPTIONS", {})}
    else:
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(var_dir / "console.sqlite3")}
    if "sqlite3" in config["ENGINE"]:
        # Immediate transactions: a writer waits for the lock at BEGIN, where waiting is possible, instead of failing
        # later with "database is locked".
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
        config["CONN_MAX_AGE"] = 60
    return config


def redis_socket(var_dir: Path) -> Path:
    """Return the bundled Redis server's socket: in ``var_dir``, or in a short private directory.

    The operating system limits a socket's path, and clients take it as part of a URL. So a path that is long or has
    unusual characters is replaced by a directory under the system's temporary one, named after ``var_dir``.
    """
    path = var_dir / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and re.fullmatch(r"[\w./+-]+", str(path), re.ASCII):
        return path
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cleanlist-console-{os.getuid()}-{digest}" / "redis.sock"
