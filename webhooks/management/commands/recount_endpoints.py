from django.core.management.base import BaseCommand

from webhooks.ingest import endpoint_rollups
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Count the attempts of every endpoint again, by the hour, from the attempts that are stored."

    def handle(self, **_: object) -> None:
        workspaces = list(Workspace.objects.all())
        for workspace in workspaces:
            endpoint_rollups.recount(workspace)
        self.stdout.write(f"Counted again in {len(workspaces):,} workspaces.")
