from django.core.management.base import BaseCommand

from webhooks import retention


class Command(BaseCommand):
    help = "Remove deliveries whose last attempt is older than KEEP_DELIVERIES_DAYS, with their attempts."

    def handle(self, **_: object) -> None:
        self.stdout.write(f"{retention.prune():,} attempts were removed.")
