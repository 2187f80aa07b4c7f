from django.core.management.base import BaseCommand

from core.formatting import counted
from webhooks.ingest import endpoint_rollups
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Recalculate the hourly attempt counts of every endpoint from the stored attempts."

    def handle(self, **_: object) -> None:
        workspaces = list(Workspace.objects.all())
        for workspace in workspaces:
            endpoint_rollups.recount(workspace)
        self.stdout.write(f"Recalculated {counted(len(workspaces), 'workspace')}.")
