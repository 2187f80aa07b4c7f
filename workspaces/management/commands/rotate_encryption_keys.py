from django.core.management.base import BaseCommand, CommandError

from workspaces.credentials.encryption_keys import reseal_all


class Command(BaseCommand):
    help = "Seal every stored secret with the first of ENCRYPTION_KEYS; then the other keys can be taken away."

    def handle(self, **_: object) -> None:
        report = reseal_all()
        self.stdout.write(f"{report.resealed:,} secrets were sealed anew; {report.current:,} needed nothing.")
        for where in report.lost:
            self.stderr.write(f"cannot be opened with any of ENCRYPTION_KEYS: {where}")
        if report.lost:
            raise CommandError("Keep the old keys: add the one that is missing and run this again.")
