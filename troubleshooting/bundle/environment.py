"""What runs here, as far as it helps to understand a problem. No secret, no host name, no path of this machine."""

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.db import connection

import cleanlist

PACKAGES = ("celery", "django", "granian", "httpx", "msgspec", "psycopg", "redis")


def environment() -> dict[str, object]:
    """Return versions and the settings that change how the console asks upstream."""
    return {
        "console": cleanlist.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "database": _database(),
        "packages": {name: _version(name) for name in PACKAGES},
        "settings": {name: getattr(settings, name) for name in settings.SETTINGS_FOR_SUPPORT},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _database() -> str:
    if connection.vendor == "sqlite":
        return f"sqlite {sqlite3.sqlite_version}"
    connection.ensure_connection()
    number: int = getattr(connection, "pg_version", 0)
    return f"{connection.vendor} {number // 10_000}.{number % 10_000}"
