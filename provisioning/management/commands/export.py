from django.core.management.base import BaseCommand, CommandParser

from provisioning.exporter import export
from workspaces.command_line import get_workspaces_by_slug


class Command(BaseCommand):
    help = "Write the present state of workspaces as a file for apply, without any secret."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", nargs="*", help="as in its address; all workspaces if none is named")

    def handle(self, *, workspace: list[str], **_: object) -> None:
        self.stdout.write(export(get_workspaces_by_slug(workspace)), ending="")
