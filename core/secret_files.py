"""Secrets in files: those that the embedded set of processes creates on first start, and those of operators."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Literal

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key

Kind = Literal["django", "fernet"]


def generate_secret(kind: Kind) -> str:
    """Return a new SECRET_KEY ("django") or entry of ENCRYPTION_KEYS ("fernet")."""
    return Fernet.generate_key().decode() if kind == "fernet" else get_random_secret_key()


def generate_settings() -> str:
    """Return new values of both settings as lines for an environment file."""
    # Quoted, because Django's keys have characters that are special in a shell.
    return f"SECRET_KEY='{generate_secret('django')}'\nENCRYPTION_KEYS='{generate_secret('fernet')}'"


def restrict_permissions(descriptor: int) -> None:
    """Remove the permissions of others from an open file that will hold secrets. Pipes and terminals are left alone."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        with contextlib.suppress(PermissionError):  # the file belongs to another user
            os.fchmod(descriptor, stat.S_IMODE(mode) & ~stat.S_IRWXO)


def read_file(path: Path, most: int = -1) -> bytes:
    """Return the content of a file, up to ``most`` bytes. Raises OSError, or ValueError for an invalid path.

    The file may be a pipe, as from a shell's `<(…)`. A pipe without a writer is empty; a plain ``open`` would block.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        os.set_blocking(file.fileno(), True)
        return file.read(most)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def read_or_create_secret(path: Path, *, kind: Kind) -> str:
    """Return the secret in the file ``path``; create it with mode 0600 if it does not exist."""
    if not path.exists():
        _create(path, generate_secret(kind))
    return path.read_text().strip()


def _create(path: Path, secret: str) -> None:
    """Write ``secret`` to ``path`` atomically; of several concurrent processes, the first one wins."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
