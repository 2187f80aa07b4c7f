#!/usr/bin/env python
"""The console's command line. `python manage.py up` starts everything, the others are Django's commands and ours."""

import os
import sys
from pathlib import Path

# Where this is installed from a wheel, the packages beside it are found by no other way.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from django.db import OperationalError

from dashboard.environment import ConfigurationError, read_environment
from dashboard.programs import PROGRAMS, become
from dashboard.secrets import new_settings


def main(arguments: list[str]) -> None:
    """Run the command named on the command line; bad settings end it with one line each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    name = arguments[1] if len(arguments) > 1 else ""
    if arguments[1:] == ["generate_keys"]:  # before the settings are read: it makes what they may lack
        sys.stdout.write(new_settings() + "\n")
        return
    try:
        if name == "sandbox":  # has settings of its own
            become("sandbox", arguments[2:])
        elif name in PROGRAMS:
            read_environment()
            become(name, arguments[2:])
        else:
            from django.core.management import execute_from_command_line  # noqa: PLC0415 - reads the settings

            execute_from_command_line(arguments)
    except ConfigurationError as error:
        sys.exit(f"The console cannot start with these settings:\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)  # as shells say of what Ctrl-C ended
    except OperationalError as error:
        sys.exit(f"The database cannot be used:\n  {error}\nThe command check_install says what else is wrong.")


def installed() -> None:
    """Run `cleanlist-console`, which is this file installed; without a command it starts everything."""
    main([*sys.argv, "up"] if len(sys.argv) == 1 else sys.argv)


if __name__ == "__main__":
    main(sys.argv)
