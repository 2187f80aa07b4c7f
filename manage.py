#!/usr/bin/env python
"""The console's command line. `python manage.py up` starts everything, the others are Django's commands and ours."""

import codecs
import os
import sys
from pathlib import Path

# Where this is installed from a wheel, the packages beside it are found by no other way.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from django.db import OperationalError

from config import programs
from config.embedded import CannotStart
from config.environment import ConfigurationError, read_environment
from core.secret_files import generate_settings, restrict_permissions

# What Django's own help does not list, because it is no command of Django's.
OURS = {
    **programs.HELP,
    "generate_keys": "Print a fresh SECRET_KEY and ENCRYPTION_KEYS, for a file of settings.",
}


def main(arguments: list[str]) -> None:
    """Run the command named on the command line; a reader of what it says that goes away, as `head` does, ends it."""
    _speak_utf8()
    try:
        try:
            _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails at it once more, at its end
        sys.exit(141)  # as shells say of it


def _speak_utf8() -> None:
    """Begin again in UTF-8 where the locale is another, which does not have all letters and dashes that we print."""
    if codecs.lookup(sys.getfilesystemencoding()).name != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        again = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONUTF8": "1"})  # noqa: S606 - the words that we are


def _run(arguments: list[str]) -> None:
    """Run a command; bad settings end it with one line each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    name = arguments[1] if len(arguments) > 1 else ""
    if name == "help" and arguments[2:3] and arguments[2] in OURS:
        name, arguments = arguments[2], [arguments[0], arguments[2], "--help"]
    if name == "generate_keys":  # before the settings are read: it makes what they may lack
        _generate_keys(arguments[2:])
        return
    try:
        if name == "sandbox":  # has settings of its own
            programs.become("sandbox", arguments[2:])
        elif name in programs.PROGRAMS:
            read_environment()
            programs.check(name, arguments[2:])
            programs.become(name, arguments[2:])
        else:
            from django.core.management import execute_from_command_line  # noqa: PLC0415 - reads the settings

            execute_from_command_line(arguments)
            if arguments[1:] in ([], ["help"]):
                lines = (f"    {command:<14} {text}" for command, text in sorted(OURS.items()))
                sys.stdout.write("\n".join(["", "[programs and keys]", *lines, ""]))
    except ConfigurationError as error:
        sys.exit(f"The console cannot start with these settings:\n{error}")
    except CannotStart as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)  # as shells say of what Ctrl-C ended
    except OperationalError as error:
        sys.exit(f"The database cannot be used:\n  {error}\nThe command check_install says what else is wrong.")


def _generate_keys(arguments: list[str]) -> None:
    if arguments:
        sys.stdout.write(OURS["generate_keys"] + "\n")
        return
    restrict_permissions(sys.stdout.fileno())
    sys.stdout.write(generate_settings() + "\n")


def installed() -> None:
    """Run `cleanlist-console`, which is this file installed; without a command it starts everything."""
    main([*sys.argv, "up"] if len(sys.argv) == 1 else sys.argv)


if __name__ == "__main__":
    main(sys.argv)
