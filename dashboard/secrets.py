"""Secrets that the embedded set makes for itself on first start."""

import os
from pathlib import Path
from typing import Literal

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key


def new_secret(kind: Literal["django", "fernet"]) -> str:
    """Return a fresh SECRET_KEY ("django") or one entry of ENCRYPTION_KEYS ("fernet")."""
    return Fernet.generate_key().decode() if kind == "fernet" else get_random_secret_key()


def generated_secret(path: Path, *, kind: Literal["django", "fernet"]) -> str:
    """Return the secret kept at ``path``, made there with mode 0600 if it does not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        # O_EXCL: of several processes that start at once, one writes and the others read.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        secret = new_secret(kind)
        file.write(secret)
    return secret
