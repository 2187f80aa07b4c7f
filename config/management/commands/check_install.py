import sys

from django.core.management.base import BaseCommand

from config.health.installation import check_installation
from core.formatting import counted


class Command(BaseCommand):
    help = "Check this installation and list problems. Exits with 1 if there are any."
    requires_system_checks = []

    def handle(self, **_: object) -> None:
        errors = 0
        for found in check_installation():
            errors += bool(found.advice)
            self.stdout.write(f"{'error' if found.advice else 'ok':<6} {found.part}: {found.text}")
            if found.advice:
                self.stdout.write(f"{'':<6} {found.advice}")
        if errors:
            self.stdout.write(f"{counted(errors, 'error')} found.")
            sys.exit(1)
        self.stdout.write("No problems found.")
