"""The directory of all run-time state, accessible only to the console's own account."""

import contextlib
import os
from pathlib import Path

GROUP_AND_OTHERS = 0o077  # permission bits of everyone but the owner
# Entries that identify a directory as the console's. Other directories are not changed: it may be /tmp or a home.
KNOWN_NAMES = {"console.sqlite3", "encryption_key", "secret_key", "static", "up.lock"}


class DirectoryNotPrivate(Exception):
    """The directory is open to others, and not ours to close; the message says what to do."""


def make_private(path: Path) -> None:
    """Create ``path`` if it is missing, and make it, its entries and future files of this process private.

    Deeper levels are protected by a private directory. Raises DirectoryNotPrivate, or OSError if it cannot be used at
    all.
    """
    os.umask(GROUP_AND_OTHERS)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_mode & GROUP_AND_OTHERS:
        _close(path)
    for entry in path.iterdir():
        with contextlib.suppress(FileNotFoundError):  # other processes of the console use it too
            found = entry.lstat()
            if found.st_mode & GROUP_AND_OTHERS and found.st_uid == os.getuid() and not entry.is_symlink():
                entry.chmod(found.st_mode & 0o700)


def _close(path: Path) -> None:
    mode = path.stat().st_mode & 0o7777
    names = {entry.name for entry in path.iterdir()}
    why = "contains no console data"
    if not names or names & KNOWN_NAMES:
        why = "permissions can't be changed"
        with contextlib.suppress(PermissionError):  # it belongs to someone else
            path.chmod(0o700)
        # Checked again, because some file systems accept the change but ignore it.
        if not path.stat().st_mode & GROUP_AND_OTHERS:
            return
    raise DirectoryNotPrivate(
        f"{path} is open to others on this machine (mode {mode:o}) and {why}. Run `chmod 700 {path}` as its owner, "
        "or choose a directory that does not exist yet"
    )
