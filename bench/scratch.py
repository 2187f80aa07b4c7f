"""A console's surroundings for a bench: settings, a redis-server and a database of its own, gone afterwards.

Import it before anything of Django's. SQLite by default; with DATABASE_URL, a scratch database beside that one.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.secret_files import generate_secret

_folder = tempfile.TemporaryDirectory(prefix="bench-")
FOLDER = Path(_folder.name)
os.environ |= {
    "ENV_FILE": "",
    "VAR_DIR": str(FOLDER),
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": generate_secret("django"),
    "ENCRYPTION_KEYS": generate_secret("fernet"),
    "LOG_LEVEL": "ERROR",
    "REDIS_URL": f"unix://{FOLDER}/redis.sock",
}

import django  # noqa: E402

django.setup()

from django.db import connection, connections  # noqa: E402

from config.embedded import bundled_redis  # noqa: E402


@contextmanager
def surroundings() -> Iterator[None]:
    """Have Redis and an empty database; processes that are forked meanwhile find both."""
    command = [*bundled_redis.command(FOLDER / "redis.sock", FOLDER / "redis"), "--save", ""]
    if connection.vendor == "sqlite":  # a file, as in real life, and so that several processes can share it
        connection.settings_dict["TEST"]["NAME"] = FOLDER / "bench.sqlite3"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:  # noqa: S603 - our own command
        bundled_redis.wait_until_ready(redis.poll, FOLDER / "redis.sock")
        connection.creation.create_test_db(verbosity=0, serialize=False, autoclobber=True)
        try:
            yield
        finally:
            connections.close_all()
            connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
            redis.terminate()
