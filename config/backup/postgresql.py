"""Explains how to back up PostgreSQL with its own tools."""

import shlex
from pathlib import Path

_KEYS = "Store SECRET_KEY and ENCRYPTION_KEYS separately."


def how_to_back_up(database: dict[str, object], file: Path) -> str:
    """Return the command to run instead of ``backup``, without the password."""
    command = shlex.join(["pg_dump", "--format=custom", f"--file={file}", _connection(database)])
    return f"The database is PostgreSQL. Its own tools create consistent backups while it runs:\n  {command}\n{_KEYS}"


def how_to_restore(database: dict[str, object], file: Path) -> str:
    """Return the command to run instead of ``restore``."""
    options = ["--no-owner", "--single-transaction", f"--dbname={_connection(database)}"]
    command = shlex.join(["pg_restore", *options, str(file)])
    return f"The database is PostgreSQL. Stop the console, then restore into an empty database (createdb):\n  {command}"


def _connection(database: dict[str, object]) -> str:
    names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "NAME"}
    return " ".join(f"{key}={database[name]}" for key, name in names.items() if database.get(name))
