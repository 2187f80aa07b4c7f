from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from config.embedded import CannotStart, console
from config.embedded.lock import exclusive_lock
from config.settings import ENVIRONMENT


class Command(BaseCommand):
    help = "Start and supervise the whole console on this machine: web server, worker, Redis and sandbox."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-sandbox",
            action="store_true",
            help="don't start the bundled sandbox (for use with the hosted API)",
        )

        parser.add_argument(
            "--reload", action="store_true", help="for development: restart programs when their code changes"
        )

    def handle(self, *_: object, no_sandbox: bool, reload: bool, **__: object) -> None:
        try:
            with exclusive_lock(ENVIRONMENT.var_dir):
                console.check_addresses(with_sandbox=not no_sandbox)
                console.run(with_sandbox=not no_sandbox, reload=reload)
        except CannotStart as error:
            raise CommandError(str(error)) from None
