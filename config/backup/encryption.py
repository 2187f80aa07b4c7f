"""Encrypts archives as age files, for an age or an SSH key (Ed25519 or RSA)."""

from pathlib import Path
from typing import IO

import pyrage

from config.backup import BackupFailed

_MARK = b"age-encryption.org/"
Recipient = object  # the package is untyped


def parse_recipient(text: str) -> Recipient:
    """Parse a public key. Raises ValueError if ``text`` is not one."""
    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text.strip())
    except pyrage.RecipientError:
        raise ValueError(f"not a public key: {text!r}. Enter age1… or the text of an SSH public key.") from None


def encrypt(source: IO[bytes], target: IO[bytes], recipients: list[Recipient]) -> None:
    """Write ``source`` to ``target`` so that only holders of one of the private keys can read it.

    Raises BackupFailed, also if the disk is full.
    """
    try:
        pyrage.encrypt_io(source, target, recipients)
    except pyrage.EncryptError as error:
        raise BackupFailed(f"Can't write the encrypted archive: {error}.") from None


def is_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def decrypt(source: IO[bytes], target: IO[bytes], identity: Path) -> None:
    """Decrypt ``source`` to ``target`` with the private key in the file ``identity``. Raises BackupFailed."""
    try:
        pyrage.decrypt_io(source, target, [_identity(identity)])
    except (pyrage.DecryptError, OSError) as error:
        raise BackupFailed(f"Can't decrypt the archive with the key in {identity}: {error}.") from None


def _identity(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
        keys = [line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
        return pyrage.x25519.Identity.from_str(keys[0]) if keys else pyrage.ssh.Identity.from_buffer(text.encode())
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise BackupFailed(
            f"{path} contains no usable private key (age, or SSH without a passphrase): {error}."
        ) from None
