from django.core.management.base import BaseCommand, CommandError

from workspaces.credentials.encryption_keys import reseal_all


class Command(BaseCommand):
    help = "Re-encrypt every stored secret with the first of ENCRYPTION_KEYS. The other keys can then be removed."

    def handle(self, **_: object) -> None:
        report = reseal_all()
        self.stdout.write(f"{report.resealed:,} secrets were re-encrypted; {report.current:,} were up to date.")
        for where in report.lost:
            self.stderr.write(f"can't be decrypted with any of ENCRYPTION_KEYS: {where}")
        if report.lost:
            raise CommandError("Keep the old keys. Add the missing one and run this again.")
