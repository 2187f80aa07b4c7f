from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.loader import MigrationLoader

from config.backup import BackupFailed, postgresql, restore
from config.embedded import CannotStart
from config.embedded.lock import exclusive_lock


class Command(BaseCommand):
    help = "Restore a `backup` archive into VAR_DIR while the console is stopped. Existing files are moved aside."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the archive")
        parser.add_argument("--identity", type=Path, metavar="FILE", help="the private key of an encrypted archive")
        parser.add_argument("--check", action="store_true", help="only check whether it can be restored here")

    def handle(self, *, file: Path, identity: Path | None, check: bool, **_: object) -> None:
        if not settings.ENVIRONMENT.embedded:
            raise CommandError(postgresql.how_to_restore(settings.DATABASES["default"], file))
        migrations = set(MigrationLoader(None).disk_migrations)  # including replaced ones
        try:
            if check:
                manifest = restore.verify(file, settings.VAR_DIR, identity, migrations)
                made = f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC by version {manifest.version}"
                self.stdout.write(f"{file} is complete: {len(manifest.files)} files, created {made}.")
                return
            with exclusive_lock(settings.VAR_DIR):
                aside = restore.restore(file, settings.VAR_DIR, identity, migrations, restore.current_keys())
        except (BackupFailed, CannotStart) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{file} was restored into {settings.VAR_DIR}. Run `migrate` unless you start it with `up`.")
        if aside:
            self.stdout.write(f"The previous files are in {aside}. Delete them when you no longer need them.")
