from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from config.first_start import prepare


class Command(BaseCommand):
    help = "Update the database and static files, and create the first site admin if there is none."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-static", action="store_true", help="don't collect static files")

    def handle(self, *, no_static: bool, **_: object) -> None:
        admin = prepare(static=not no_static)
        self.stdout.write(f"The console is ready to start. The first site admin is {admin.email}.")
        if admin.password:
            self.stdout.write(f"Password, shown only now: {admin.password}")
