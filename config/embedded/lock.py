"""Allows only one embedded set per VAR_DIR."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import CannotStart


@contextmanager
def exclusive_lock(var_dir: Path) -> Iterator[None]:
    """Hold the lock of ``var_dir`` while the block runs. Raises CannotStart if another process holds it.

    The kernel releases the lock however its process ends, so a crash leaves nothing to clean up.
    """
    var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (var_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise CannotStart(
                f"A console is already running on {var_dir} (process {file.read().strip() or 'unknown'}). "
                "Stop it first, or set VAR_DIR, PORT and SANDBOX_PORT to run a second one."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
