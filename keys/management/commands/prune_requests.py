from django.core.management.base import BaseCommand

from keys.log.ingest import retention


class Command(BaseCommand):
    help = "Remove rows of the request log past KEEP_REQUESTS_DAYS or KEEP_REQUESTS_ROWS. Hourly rollups stay."

    def handle(self, **_: object) -> None:
        self.stdout.write(f"{retention.prune():,} rows were removed.")
