import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.conftest import ROOT, clean_environment
from tests.wait import wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningConsole:
    """`manage.py up` in a process of its own, and everything that it says."""

    email = "admin@example.test"
    password = "a password of the tests"
    command = (sys.executable, "manage.py", "up")
    folder = ROOT

    def __init__(self, var_dir: Path, *arguments: str, tables: Path | None = None, **variables: str) -> None:
        """``tables`` is a database to begin with; without it the console makes its own, which takes seconds."""
        if tables:
            shutil.copy(tables, var_dir / "console.sqlite3")
        self.var_dir = var_dir
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://localhost:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.arguments = arguments
        self.variables = {"CONSOLE_ADMIN_EMAIL": self.email, "CONSOLE_ADMIN_PASSWORD": self.password, **variables}
        self.output: list[str] = []
        self.ready = threading.Event()

    def start(self, seconds: float = 90) -> None:
        self._run()
        try:
            assert self.ready.wait(seconds), self.text
            assert self.process.poll() is None, self.text
        except AssertionError:
            self.process.kill()  # or it goes on for ever, as no fixture has got it
            raise

    def refusal(self, seconds: float = 20) -> str:
        """Start it where it cannot; return what it says."""
        self._run()
        assert self.process.wait(seconds) == 1, self.text
        self._close()
        return self.text

    def _run(self) -> None:
        ours = {"VAR_DIR": self.var_dir, "PORT": self.port, "SANDBOX_PORT": self.sandbox_port, **self.variables}
        variables = {name: value for name, value in ours.items() if value is not None}
        self.process = subprocess.Popen(
            [*self.command, *self.arguments],
            cwd=self.folder,
            env=clean_environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.output.append(line)
            if "Press Ctrl-C to stop everything" in line:
                self.ready.set()
        self.ready.set()

    @property
    def text(self) -> str:
        return "".join(self.output)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> int:
        os.kill(self.process.pid, number)
        code = self.process.wait(seconds)
        self._close()
        return code

    def _close(self) -> None:
        self.reader.join(10)
        self.process.stdout.close()

    def sandbox_credentials(self) -> dict[str, str]:
        command = [sys.executable, "-m", "sandbox", "credentials", "--data", str(self.var_dir / "sandbox")]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
        return json.loads(answer.stdout)


def production_command() -> list[str]:
    """The web server's command line in README's table of processes."""
    row = re.search(r"^\| web \|.*\| `python (manage.py web [^`]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    return [sys.executable, *shlex.split(row[1])]


class ProductionWeb:
    """The web server as README starts it in production, on a database that it is made for."""

    def __init__(self, var_dir: Path, *, tables: Path | None = None, **variables: str) -> None:
        if tables:
            shutil.copy(tables, var_dir / "console.sqlite3")
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.var_dir = var_dir
        self.log = var_dir / "web.log"
        self.environment = clean_environment(VAR_DIR=var_dir, **variables)
        for command in (["migrate", "-v0"], ["collectstatic", "-v0", "--noinput"]):
            self.manage(*command)

    def manage(self, *arguments: str, **variables: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env={**self.environment, **variables}, check=True, timeout=100)

    def __enter__(self):
        environment = {**self.environment, "GRANIAN_PORT": str(self.port), "GRANIAN_LOG_LEVEL": "warning"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(production_command(), cwd=ROOT, env=environment, stderr=log)
        wait_until(self._listens, 60)
        return self

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(40)  # a worker that is still starting hears nothing, and is killed after 30 seconds
