from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys.log.ingest import recount
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Count the request log again and compare it with the hourly rollups; --repair sets right what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="only this workspace")
        parser.add_argument("--repair", action="store_true", help="write what was counted")

    def handle(self, *, workspace: str | None, repair: bool, **_: object) -> None:
        workspaces = Workspace.objects.filter(slug=workspace) if workspace else Workspace.objects.all()
        if workspace and not workspaces:
            raise CommandError(f"Workspace {workspace} not found.")
        wrong = 0
        for one in workspaces:
            for sentence in recount.recount(one, repair=repair):
                wrong += 1
                self.stdout.write(f"{one.slug}: {sentence}")
        if wrong and not repair:
            raise CommandError(f"{wrong:,} cells differ from the log. Run it again with --repair.")
        self.stdout.write(f"{wrong:,} cells were set right." if wrong else "Every rollup equals a recount of the log.")
