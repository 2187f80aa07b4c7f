"""Restarts programs when their code changes, for development (`make dev`)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from config.embedded import CannotStart
from config.embedded.processes import Process, print_line

# The sandbox loads no code of the other packages.
SANDBOX = "sandbox"
_LOOK_MILLISECONDS = 250


def changed_packages(root: Path) -> Iterator[set[str]]:
    """Return an iterator that yields, four times a second, which packages in ``root`` have changed; often none.

    It ends when a signal arrives. Raises CannotStart without watchfiles.
    """
    try:
        import watchfiles  # noqa: PLC0415 - one of requirements-dev.txt
    except ImportError:
        raise CannotStart("--reload needs what tests need: run `make dev`, or install watchfiles.") from None
    packages = [path.parent for path in sorted(root.glob("*/__init__.py")) if path.parent.name != "tests"]
    changes = watchfiles.watch(
        *packages,
        watch_filter=watchfiles.PythonFilter(),
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    return ({Path(path).relative_to(root).parts[0] for _, path in found} for found in changes)


def restart_changed(processes: Iterable[Process], changed: set[str]) -> None:
    """Restart those of ``processes`` that use code of the ``changed`` packages."""
    of_console = bool(changed - {SANDBOX})
    for process in processes:
        if process.name != "redis" and (SANDBOX in changed if process.name == SANDBOX else of_console):
            print_line(process.name, f"code in {', '.join(sorted(changed))} changed; starting again")
            process.restart()
