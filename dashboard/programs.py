"""The programs that a production installation runs, each in the place of the command that names it."""

import os
import sys

from dashboard.environment import ROOT

# Workers say nothing to one another: what is to be done is in the database, and what they heard could be anybody's.
_ALONE = ["--without-gossip", "--without-mingle"]
# What the operator adds comes after this and counts, should it say otherwise.
PROGRAMS = {
    "web": ["granian", "--interface", "asginl", "--http", "1", "--no-ws", "dashboard.asgi:application"],
    "worker": ["celery", "--quiet", "-A", "dashboard", "worker", *_ALONE],
    "beat": ["celery", "--quiet", "-A", "dashboard", "beat", "--pidfile="],
    "sandbox": ["sandbox"],
}


def command(name: str, arguments: list[str]) -> list[str]:
    """Return the command line of a program, with what the operator adds to it."""
    # -P: what lies in the current directory is not imported.
    return [sys.executable, "-P", "-m", *PROGRAMS[name], *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a program: this one's, and where the console's packages are."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def become(name: str, arguments: list[str]) -> None:
    """Turn this process into the program; signals reach it without anybody between."""
    os.execve(sys.executable, command(name, arguments), environment())  # noqa: S606 - our own words
