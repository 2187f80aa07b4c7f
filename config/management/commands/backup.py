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
    help = "Back up everything in VAR_DIR that can't be recreated to one archive, even while the console runs (SQLite)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="path of the archive; must not exist yet")
        parser.add_argument(
            "--without-keys",
            action="store_true",
            help="exclude secret_key and encryption_key, which you then store elsewhere",
        )
        parser.add_argument(
            "--encrypt-to",
            type=_recipient,
            action="append",
            default=[],
            metavar="PUBLIC_KEY",
            help="encrypt for this recipient: age1… or the text of an SSH public key; repeatable",
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
        kept = "includes the keys" if keys else "doesn't include the keys, which you need to restore it"
        self.stdout.write(f"{file}: {len(manifest.files)} files, {file.stat().st_size:,} bytes; {kept}.")
