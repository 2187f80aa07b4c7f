"""Secrets in files: those that the embedded set makes for itself on first start, and those that operators keep."""

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
    """Return a fresh SECRET_KEY ("django") or one entry of ENCRYPTION_KEYS ("fernet")."""
    return Fernet.generate_key().decode() if kind == "fernet" else get_random_secret_key()


def generate_settings() -> str:
    """Return fresh values of both settings as lines for an environment file."""
    # Quoted, because Django's own alphabet holds characters that a shell reads as its own.
    return f"SECRET_KEY='{generate_secret('django')}'\nENCRYPTION_KEYS='{generate_secret('fernet')}'"


def restrict_permissions(descriptor: int) -> None:
    """Close an open file that secrets go into to accounts beside its owner and group; a pipe or terminal stays."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        with contextlib.suppress(PermissionError):  # it belongs to somebody else
            os.fchmod(descriptor, stat.S_IMODE(mode) & ~stat.S_IRWXO)


def read_file(path: Path, most: int = -1) -> bytes:
    """Return what is in a file, up to ``most`` bytes. Raises OSError, or ValueError for what is no path.

    It may be a pipe, as of a shell's `<(…)`; of one that nobody writes into it is nothing, where opening it plainly
    would wait for ever.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        os.set_blocking(file.fileno(), True)
        return file.read(most)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def read_or_create_secret(path: Path, *, kind: Kind) -> str:
    """Return the secret kept at ``path``, made there with mode 0600 if it does not exist yet."""
    if not path.exists():
        _create(path, generate_secret(kind))
    return path.read_text().strip()


def _create(path: Path, secret: str) -> None:
    """Put ``secret`` at ``path`` whole or not at all; of several processes at once, the first one wins."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secret)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
