"""The programs of a production installation; the command of each replaces its own process by it."""

import argparse
import os
import sys
from typing import Any

from config.embedded import CannotStart
from config.embedded.ports import check_free
from config.environment import ROOT

# The queues of the workers. Celery itself accepts any other name, of a queue that stays empty.
QUEUES = ("polling", "alerts")

# Workers do not talk to one another: all work is in the database, and messages in Redis could be anybody's.
_ALONE = ["--without-gossip", "--without-mingle"]
# What the operator adds comes after this and counts, should it say otherwise.
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
# In a line each, as the list of commands has them.
HELP = {
    "web": "Become the web server; the options are granian's, such as --port and --workers.",
    "worker": "Become a worker; the options are Celery's, such as -Q and --concurrency.",
    "beat": "Become the clock, of which there is exactly one.",
    "sandbox": "Become the sandbox: serve, credentials, balance-history.",
}


def command(name: str, arguments: list[str]) -> list[str]:
    """Return the command line of a program, with what the operator adds to it."""
    # -P: what lies in the current directory is not imported.
    return [sys.executable, "-P", "-m", *PROGRAMS[name], *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a program: this one's, and where the console's packages are."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def check(name: str, arguments: list[str]) -> None:
    """Raise CannotStart for what the programs themselves take without a word; what else is wrong they say."""
    if {"-h", "--help"} & set(arguments):
        return
    if name == "worker":
        said = _read(arguments, ["-Q", "--queues"])
        if unknown := [queue for queue in (said.queues or "").split(",") if queue not in {"", *QUEUES}]:
            raise CannotStart(f"There is no queue {', '.join(unknown)}. Those are: {', '.join(QUEUES)}.")
    if name == "web":
        # Several processes of granian's may share a port, so a second server would take a part of the requests.
        said = _read(arguments, ["--host"], ["--port"], ["--uds"])
        host = said.host or os.environ.get("GRANIAN_HOST", "127.0.0.1")
        port = said.port or os.environ.get("GRANIAN_PORT", "8000")
        if not (said.uds or os.environ.get("GRANIAN_UDS")) and port.isdecimal() and int(port) < 2**16:
            check_free(host, int(port), "--port", "--host")


def _read(arguments: list[str], *options: list[str]) -> Any:
    """Return the values of some options of a program, each under its long name; of one given twice, the last."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for names in options:
        parser.add_argument(*names)
    try:
        return parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError:  # an option without a value, of which the program itself will say so
        return parser.parse_args([])


def become(name: str, arguments: list[str]) -> None:
    """Turn this process into the program; signals reach it without anybody between."""
    os.execve(sys.executable, command(name, arguments), environment())  # noqa: S606 - our own words
