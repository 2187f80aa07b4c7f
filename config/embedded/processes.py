"""A supervised process: started in its own group, its output prefixed, ended with all its children; its watchdog."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from config.embedded import CannotStart
from config.environment import ROOT
from config.programs import environment
from core.redaction import BEYOND, LONGEST_EVENT, redact_beginning, redact_text

PARENT_DEATH = Path(__file__).with_name("parent_death.py")
REAPER = Path(__file__).with_name("reaper.py")
GRACE = 3.5  # seconds in which everything has to end; a busy machine takes another one or two to kill what has not
# -I -S: no site-packages and no environment; starts in a few milliseconds.
_BARE_PYTHON = [sys.executable, "-I", "-S"]
LONGEST_WAIT = 30.0  # seconds between restarts of a process that keeps dying
STEADY_AFTER = 60.0  # seconds of running after which the next exit counts as the first again

_printing = threading.Lock()
WATCH_SECONDS = 3.0  # seconds between checks, and timeout of each
WATCH_TRIES = 3  # consecutive failed checks after which the server is killed
STARTING_TRIES = 20  # failed checks allowed before the first success: a slow machine may need a minute to start


def print_line(name: str, text: str, *, redacted: bool = True) -> None:
    """Print one line prefixed with its program's name; redacted, except for the greeting."""
    with _printing, contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{name:<8}| {redact_text(text) if redacted else text}\n")
        sys.stdout.flush()


class Reaper:
    """A separate process that kills everything left GRACE seconds after our death, if we can no longer do so.

    The kernel signals our death to each program, but a program may miss or ignore that signal.
    """

    def __init__(self) -> None:
        # In its own session, so that a signal to ours does not end it.
        command = [*_BARE_PYTHON, str(REAPER), str(GRACE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def started(self, group: int) -> None:
        """Register a process group that must end with us."""
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        """Unregister a process group, because its number may be reused."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # someone killed the reaper; the console runs without one
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@dataclass
class Process:
    """A program that is kept running until it is stopped."""

    name: str
    command: list[str]
    unsaid: tuple[str, ...] = ()  # output lines that contain any of these are dropped
    guard: Reaper | None = None
    running: subprocess.Popen[str] | None = None
    deaths: int = 0
    started_at: float = 0
    restart_at: float = 0

    def start(self) -> None:
        """Start it. Call this from the main thread, because the kernel watches the calling thread's death."""
        follow = [*_BARE_PYTHON, str(PARENT_DEATH), str(os.getpid())]  # becomes the program itself
        self.running = subprocess.Popen(
            [*follow, *self.command],
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches only this process, which ends the others in order
        )
        if self.guard is not None:
            self.guard.started(self.running.pid)
        self.started_at = time.monotonic()
        threading.Thread(target=self._print, args=[self.running.stdout], daemon=True).start()

    def _print(self, output: IO[str]) -> None:
        with output:
            for line, unread in _lines(output):
                if not any(text in line for text in self.unsaid):
                    print_line(self.name, redact_beginning(line, LONGEST_EVENT, unread=unread), redacted=False)

    def check_alive(self) -> None:
        """Raise CannotStart if it has ended. For callers that wait for it."""
        if self.running is not None and self.running.poll() is not None:
            ending = _ending(self.running.returncode)
            raise CannotStart(f"{self.name} exited immediately ({ending}). See its output above.")

    def look_after(self) -> None:
        """Restart it if it died, with a longer delay each time."""
        if self.running is None:
            if time.monotonic() >= self.restart_at:
                self.start()
        elif self.running.poll() is not None:
            self._plan_restart(self.running.pid, self.running.returncode)

    def _plan_restart(self, group: int, code: int) -> None:
        self.kill_group()  # leftover children would hold its port
        if self.guard is not None:
            self.guard.ended(group)
        self.deaths = 1 if time.monotonic() - self.started_at > STEADY_AFTER else self.deaths + 1
        wait = min(2.0 ** (self.deaths - 1), LONGEST_WAIT)
        self.restart_at = time.monotonic() + wait
        print_line(self.name, f"exited ({_ending(code)}); restarting in {wait:.0f} s")
        self.running = None

    def restart(self) -> None:
        """End it within three seconds and start it again."""
        if self.running is not None:
            self.terminate()
            _wait([self], 3)
            self.kill_group()
            if self.guard is not None:
                self.guard.ended(self.running.pid)
        self.start()

    def terminate(self) -> None:
        """Ask it to end; it ends its own children."""
        if self.running is not None:
            self.running.terminate()

    def kill_group(self) -> None:
        """Kill it and everything that it started."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.running.pid, signal.SIGKILL)


def _lines(output: IO[str]) -> Iterator[tuple[str, int]]:
    """Yield the part of each line that may be shown, and the number of further characters, which are never buffered."""
    most = LONGEST_EVENT + BEYOND
    while piece := output.readline(most):
        line, unread = piece, 0
        while not piece.endswith("\n") and (piece := output.readline(most)):
            unread += len(piece.rstrip("\n"))
        yield line.rstrip(), unread


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def stop_all(processes: list[Process], *, last: str, grace: float) -> None:
    """End every process within ``grace`` seconds, ``last`` after the others; kill any that are left."""
    end = time.monotonic() + grace
    for group in ([p for p in processes if p.name != last], [p for p in processes if p.name == last]):
        for process in group:
            process.terminate()
        _wait(group, max(end - time.monotonic(), 0.5))
        for process in group:
            process.kill_group()
        _wait(group, 1)  # a killed process that nobody has waited for still counts as one for the reaper


def _wait(processes: list[Process], seconds: float) -> None:
    end = time.monotonic() + seconds
    for process in processes:
        if process.running is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.running.wait(max(end - time.monotonic(), 0))


class Watchdog:
    """Kills a web server that runs but does not answer; the supervisor then restarts it.

    Requests ``/healthz`` of the server on ``host``:``port`` at intervals.
    """

    def __init__(self, process: Process, host: str, port: int) -> None:
        self._process = process
        self._address = (host, port)
        self._asked: subprocess.Popen[str] | None = None
        self._tries_left = STARTING_TRIES

    def start(self) -> None:
        """Run in the background until the program ends."""
        threading.Thread(target=self._go_on, daemon=True).start()

    def _go_on(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            self.look()

    def wait_for_answer(self, seconds: float = 60) -> None:
        """Wait until the server answers. Raises CannotStart if it ends, or never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._process.check_alive()
            if self._answers():
                self._asked, self._tries_left = self._process.running, WATCH_TRIES
                return
            time.sleep(0.05)
        raise CannotStart(
            f"{self._process.name} didn't respond on port {self._address[1]} within {seconds:.0f} seconds."
        )

    def look(self) -> None:
        """Check once; after too many failed checks, kill the process."""
        running = self._process.running
        if running is not self._asked:
            self._asked, self._tries_left = running, STARTING_TRIES
        if running is None:
            return
        self._tries_left = WATCH_TRIES if self._answers() else self._tries_left - 1
        if self._tries_left == 0:
            print_line(self._process.name, "isn't responding to /healthz; stopping it")
            self._process.kill_group()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(*self._address, timeout=WATCH_SECONDS)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
