from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.backup import BackupFailed, archive, encryption, postgresql
from config.backup.restore import keys_in_use


def _recipient(text: str) -> encryption.Recipient:
    try:
        return encryption.parse_recipient(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


class Command(BaseCommand):
    help = "Write everything in VAR_DIR that cannot be made again to one archive, also while the console runs (SQLite)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where the archive goes; must not exist yet")
        parser.add_argument(
            "--without-keys",
            action="store_true",
            help="leave out secret_key and encryption_key, which you then keep elsewhere",
        )
        parser.add_argument(
            "--encrypt-to",
            type=_recipient,
            action="append",
            default=[],
            metavar="PUBLIC_KEY",
            help="who can read it: age1… or the text of an SSH public key; may be given several times",
        )

    def handle(self, *, file: Path, without_keys: bool, encrypt_to: list[encryption.Recipient], **_: object) -> None:
        if not settings.ENVIRONMENT.embedded:
            raise CommandError(postgresql.how_to_back_up(settings.DATABASES["default"], file))
        keys = [] if without_keys else keys_in_use()
        try:
            manifest = archive.write_archive(
                file,
                settings.VAR_DIR,
                encryption_keys=settings.ENCRYPTION_KEYS,
                with_files=keys,
                recipients=encrypt_to,
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from None
        kept = "its keys are in it" if keys else "the keys are not in it, and without them it is of little use"
        self.stdout.write(f"{file}: {len(manifest.files)} files, {file.stat().st_size:,} bytes; {kept}.")
