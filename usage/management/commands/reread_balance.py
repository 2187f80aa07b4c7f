from django.core.management.base import BaseCommand, CommandParser

from core import clock
from usage.changes.review import KEPT_WHOLE, reread
from workspaces.command_line import get_workspaces_by_slug


class Command(BaseCommand):
    help = (
        "Work out anew what each change of the balance was: spending, a top-up, credits that came back. Readings and "
        f"what people said of changes stay as they are. Goes back {KEPT_WHOLE.days} days; older readings are thinned."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="?", help="as in its address; all workspaces if it is left out")

    def handle(self, *, workspace: str | None, **_: object) -> None:
        now = clock.now()
        for one in get_workspaces_by_slug([workspace] if workspace else []):
            count = reread(one, now - KEPT_WHOLE, now)
            self.stdout.write(f"{one.slug}: {count} changes read anew.")
