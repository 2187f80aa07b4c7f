"""The programs of a production installation; the command for each replaces its own process."""

import argparse
import os
import sys
from typing import Any

from config.embedded import CannotStart
from config.embedded.ports import check_free
from config.environment import ROOT

# The workers' queues. Celery itself accepts any other name, for a queue that stays empty.
QUEUES = ("polling", "alerts")

# Workers do not communicate: all work is in the database, and messages in Redis could come from anyone.
_ALONE = ["--without-gossip", "--without-mingle"]
# The operator's options come after these and take precedence.
PROGRAMS = {
    "web": [
        *("granian", "--interface", "asginl", "--http", "1", "--no-ws"),
        "--respawn-failed-workers",
        "config.asgi:application",
    ],
    "worker": ["celery", "--quiet", "-A", "config", "worker", *_ALONE],
    "beat": ["celery", "--quiet", "-A", "config", "beat", "--pidfile="],
    "sandbox": ["sandbox"],
}
# One line each, as in the list of commands.
HELP = {
    "web": "Run the web server. Options are granian's, such as --port and --workers.",
    "worker": "Run a worker. Options are Celery's, such as -Q and --concurrency.",
    "beat": "Run the clock (beat). Run exactly one.",
    "sandbox": "Run the sandbox: serve, credentials, balance-history.",
}


def command(name: str, arguments: list[str]) -> list[str]:
    """Return the command line of a program, with the operator's options."""
    # -P: do not import from the current directory.
    return [sys.executable, "-P", "-m", *PROGRAMS[name], *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a program: this one's, plus the path of the console's packages."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def check(name: str, arguments: list[str]) -> None:
    """Raise CannotStart for errors that the programs silently accept; they report others themselves."""
    if {"-h", "--help"} & set(arguments):
        return
    if name == "worker":
        said = _read(arguments, ["-Q", "--queues"])
        if unknown := [queue for queue in (said.queues or "").split(",") if queue not in {"", *QUEUES}]:
            raise CannotStart(f"Unknown queue {', '.join(unknown)}. Available: {', '.join(QUEUES)}.")
    if name == "web":
        # Several granian processes may use one port, so a second server would take some of the requests.
        said = _read(arguments, ["--host"], ["--port"], ["--uds"])
        host = said.host or os.environ.get("GRANIAN_HOST", "127.0.0.1")
        port = said.port or os.environ.get("GRANIAN_PORT", "8000")
        if not (said.uds or os.environ.get("GRANIAN_UDS")) and port.isdecimal() and int(port) < 2**16:
            check_free(host, int(port), "--port", "--host")


def _read(arguments: list[str], *options: list[str]) -> Any:
    """Return the values of a program's options by long name; the last one if an option is repeated."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for names in options:
        parser.add_argument(*names)
    try:
        return parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError:  # an option without a value; the program itself reports that
        return parser.parse_args([])


def become(name: str, arguments: list[str]) -> None:
    """Replace this process by the program, so that it receives signals directly."""
    os.execve(sys.executable, command(name, arguments), environment())  # noqa: S606 - our own words
