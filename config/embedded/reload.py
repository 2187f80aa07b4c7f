"""Restarts programs when their code changes, for development (`make dev`)."""

import threading
from collections.abc import Iterable
from pathlib import Path

from config.embedded import CannotStart
from config.embedded.processes import Process, print_line

# The sandbox loads no code of the other packages.
SANDBOX = "sandbox"


class CodeWatch:
    """Watches the packages in ``root`` in its own thread. Raises CannotStart without watchfiles."""

    def __init__(self, root: Path) -> None:
        try:
            import watchfiles  # noqa: PLC0415 - one of requirements-dev.txt
        except ImportError:
            raise CannotStart("--reload needs what tests need: run `make dev`, or install watchfiles.") from None
        self._packages = [path.parent for path in sorted(root.glob("*/__init__.py")) if path.parent.name != "tests"]
        self._stop = threading.Event()
        self._changes = watchfiles.watch(
            *self._packages, watch_filter=watchfiles.PythonFilter(), stop_event=self._stop, raise_interrupt=False
        )
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._thread = threading.Thread(target=self._collect, args=[root], daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _collect(self, root: Path) -> None:
        for changes in self._changes:
            packages = {Path(path).relative_to(root).parts[0] for _, path in changes}
            with self._lock:
                self._changed |= packages

    def take(self) -> set[str]:
        """Return the packages that changed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed


def restart_changed(processes: Iterable[Process], changed: set[str]) -> None:
    """Restart those of ``processes`` that use code of the ``changed`` packages."""
    of_console = bool(changed - {SANDBOX})
    for process in processes:
        if process.name != "redis" and (SANDBOX in changed if process.name == SANDBOX else of_console):
            print_line(process.name, f"code in {', '.join(sorted(changed))} changed; starting again")
            process.restart()
