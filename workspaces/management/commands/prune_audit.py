import re
from argparse import ArgumentTypeError
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from workspaces.audit.retention import TrailBroken, prune


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,4})d", text)
    if found is None:
        raise ArgumentTypeError("Enter a number of days, such as 400d.")
    return timedelta(days=int(found[1]))


class Command(BaseCommand):
    help = "Delete old events from the audit trail. The rest can still be verified. Export what you must keep first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=_age, required=True, metavar="DAYS", help="for example 400d")

    def handle(self, *, older_than: timedelta, **_: object) -> None:
        try:
            removed = prune(clock.now() - older_than)
        except TrailBroken as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{removed:,} events were deleted.")
