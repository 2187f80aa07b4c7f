#!/usr/bin/env python
"""Django's command line. `python manage.py up` starts the whole console."""

import os
import sys

from dashboard.environment import ConfigurationError
from dashboard.secrets import new_settings


def main() -> None:
    """Run the command named on the command line; bad settings end it with one line each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    if sys.argv[1:] == ["generate_keys"]:  # before the settings are read: it makes what they may lack
        sys.stdout.write(new_settings() + "\n")
        return
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - reads the settings

    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(f"The console cannot start with these settings:\n{error}")


if __name__ == "__main__":
    main()
