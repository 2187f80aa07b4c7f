"""Starts the embedded set in order, prints what it does and how to sign in, and supervises it; restarts on changes."""

import gc
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

from django.conf import settings
from django.db import connections

from config.embedded import CannotStart, bundled_redis, programs
from config.embedded.ports import check_free
from config.embedded.processes import GRACE, Process, Reaper, Watchdog, print_line, stop_all
from config.embedded.sandbox_connection import connect_sandbox, wait_until_listening
from config.environment import ROOT
from config.first_start import FirstAdmin, prepare
from config.settings import ENVIRONMENT

# The sandbox loads no code of the other packages.
SANDBOX = "sandbox"
_LOOK_MILLISECONDS = 250


class Progress:
    """Prints a plain line when a step begins and when it is done, which reads well in a terminal and in a log."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how many seconds have passed since the start."""
        return time.monotonic() - self._started

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Print ``doing``, and when the block ends without an error ``done`` with the seconds that it took."""
        self._step += 1
        place, begun = f"[{self._step}/{self._steps}]", time.monotonic()
        print_line("console", f"{place} {doing}")
        yield
        print_line("console", f"{place} {done} ({time.monotonic() - begun:.1f} s)")


class StopRequested(BaseException):
    """A request to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


def check_addresses(*, with_sandbox: bool) -> None:
    """Raise CannotStart, before anything is started, if a port is taken or the sandbox's origin is not allowed."""
    check_free(ENVIRONMENT.bind_address, ENVIRONMENT.port, "PORT")
    if with_sandbox:
        check_free("127.0.0.1", ENVIRONMENT.sandbox_port, "SANDBOX_PORT")
        address = f"http://127.0.0.1:{ENVIRONMENT.sandbox_port}"
        if address not in ENVIRONMENT.cleanlist_api_origins:
            raise CannotStart(
                "With DATABASE_URL set, the sandbox isn't started automatically. "
                f"Run `up --no-sandbox`, or add {address} to CLEANLIST_API_ORIGINS."
            )


def run(*, with_sandbox: bool, reload: bool = False) -> None:
    """Start everything and keep it running until asked to stop. Raises CannotStart.

    With ``reload``, each program restarts when its code changes.
    """
    processes: list[Process] = []
    looks = changed_packages(ROOT) if reload else _looks()
    with Reaper() as guard, _raise_stop_requested() as asked:
        try:
            _start(processes, guard, with_sandbox=with_sandbox)
            for changed in looks:
                if asked.is_set():
                    break
                if changed:
                    restart_changed(processes, changed)
                for process in processes:
                    process.look_after()
        except StopRequested:
            pass
        finally:
            _ignore_signals()
            if asked.is_set():
                print_line("console", "stopping")
            stop_all(processes, last="redis", grace=GRACE)
            gc.freeze()  # or Python looks through all that is loaded once more, for half a second


def _looks() -> Iterator[set[str]]:
    while True:
        yield set()  # of changed packages, which nobody watches
        time.sleep(0.25)


def _start(processes: list[Process], guard: Reaper, *, with_sandbox: bool) -> None:
    """Start the programs. Independent ones start first and warm up during the preparations."""
    progress = Progress(steps=5 if with_sandbox else 3)
    _print_address()
    add = partial(_add, processes, guard)
    if ENVIRONMENT.bundled_redis:
        add(programs.redis())
    sandbox = add(programs.sandbox()) if with_sandbox else None
    with progress.step("Preparing the database and static files", "Database and static files are ready"):
        admin = prepare()
    web = add(programs.web())
    if ENVIRONMENT.bundled_redis:
        bundled_redis.wait_until_ready(processes[0].check_alive, programs.redis_socket())
    if sandbox is not None:
        with progress.step("Waiting for the sandbox", "Sandbox is ready"):
            wait_until_listening(sandbox, "127.0.0.1", ENVIRONMENT.sandbox_port)
        with progress.step("Connecting the sandbox and its demo history", "Sandbox is connected"):
            connect_sandbox(programs.sandbox_data())
    with progress.step("Starting the background worker", "Background worker is started"):
        for background in (*programs.workers(), programs.beat()):
            add(background)
    watch = Watchdog(web, _local(ENVIRONMENT.bind_address), ENVIRONMENT.port)
    with progress.step("Waiting for the web server", "Web server answers"):
        watch.wait_for_answer()
    watch.start()
    connections.close_all()
    _print_greeting(admin, with_sandbox=with_sandbox, seconds=progress.seconds)


def _add(processes: list[Process], guard: Reaper, process: Process) -> Process:
    process.guard = guard
    processes.append(process)
    process.start()
    return process


def _local(bind_address: str) -> str:
    """Return the address to connect to for a server that listens on ``bind_address``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind_address, bind_address)  # noqa: S104 - compared only


def _print_address() -> None:
    """Print the URL before anything slow begins. Only the first start makes tables and demo data."""
    is_first = not ENVIRONMENT.database_url and not (ENVIRONMENT.var_dir / "console.sqlite3").exists()
    hint = "; the first start takes up to a minute" if is_first else ""
    print_line("console", f"Cleanlist Console is starting at {settings.PUBLIC_URL}/{hint}")


def _print_greeting(admin: FirstAdmin, *, with_sandbox: bool, seconds: float) -> None:
    """Print the console's URL and how to sign in; a generated password is shown only this once."""
    lines = [f"Cleanlist Console is ready at {settings.PUBLIC_URL}/ ({seconds:.1f} s)"]
    lines.append(f"  sign in as   {admin.email}")
    if admin.password:
        lines.append(f"  password     {admin.password}   (shown only now: save it, or change it after signing in)")
    else:
        lines.append(f"  password     as set before; to change it: changepassword {admin.email}")
    if with_sandbox:
        lines.append(f"  sandbox      http://127.0.0.1:{ENVIRONMENT.sandbox_port}/docs")
    mail = f"files in {settings.MAIL_DIR}" if "EmlFile" in settings.EMAIL_BACKEND else settings.EMAIL_HOST
    lines += [f"  email        {mail}", f"  data         {ENVIRONMENT.var_dir}", "  Press Ctrl-C to stop everything."]
    for line in lines:
        print_line("console", line, redacted=False)


@contextmanager
def _raise_stop_requested() -> Iterator[Event]:
    asked = Event()

    def stop(*_: object) -> None:
        if not asked.is_set():  # a second Ctrl-C changes nothing
            asked.set()  # because an exception raised within a finalizer is lost
            raise StopRequested

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Ignore a second Ctrl-C while child processes shut down, which takes a few seconds."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def changed_packages(root: Path) -> Iterator[set[str]]:
    """Return an iterator that yields, four times a second, which packages in ``root`` have changed; often none.

    It ends when a signal arrives. Raises CannotStart without watchfiles.
    """
    try:
        import watchfiles  # noqa: PLC0415 - one of requirements-dev.txt
    except ImportError:
        raise CannotStart("--reload requires development packages: run `make dev` or install watchfiles.") from None
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
            print_line(process.name, f"code in {', '.join(sorted(changed))} changed; restarting")
            process.restart()
