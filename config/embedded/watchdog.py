"""Kills a web server that runs but does not answer; the supervisor then restarts it."""

import http.client
import subprocess
import threading
import time

from config.embedded import CannotStart
from config.embedded.processes import Process, print_line

EVERY = 3.0  # seconds between checks, and timeout of each
TRIES = 3  # consecutive failed checks after which the server is killed
STARTING = 20  # failed checks allowed before the first success: a slow machine may need a minute to start


class Watchdog:
    """Requests ``/healthz`` of the server on ``host``:``port`` at intervals."""

    def __init__(self, process: Process, host: str, port: int) -> None:
        self._process = process
        self._address = (host, port)
        self._asked: subprocess.Popen[str] | None = None
        self._tries_left = STARTING

    def start(self) -> None:
        """Run in the background until the program ends."""
        threading.Thread(target=self._go_on, daemon=True).start()

    def _go_on(self) -> None:
        while True:
            time.sleep(EVERY)
            self.look()

    def wait_for_answer(self, seconds: float = 60) -> None:
        """Wait until the server answers. Raises CannotStart if it ends, or never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._process.check_alive()
            if self._answers():
                self._asked, self._tries_left = self._process.running, TRIES
                return
            time.sleep(0.05)
        raise CannotStart(
            f"{self._process.name} did not answer on port {self._address[1]} within {seconds:.0f} seconds."
        )

    def look(self) -> None:
        """Check once; after too many failed checks, kill the process."""
        running = self._process.running
        if running is not self._asked:
            self._asked, self._tries_left = running, STARTING
        if running is None:
            return
        self._tries_left = TRIES if self._answers() else self._tries_left - 1
        if self._tries_left == 0:
            print_line(self._process.name, "does not answer /healthz; ending it")
            self._process.kill_group()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(*self._address, timeout=EVERY)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
