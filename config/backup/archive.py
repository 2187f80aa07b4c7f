"""Writes and reads archives."""

import errno
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from config import __version__
from config.backup import BackupFailed, encryption, snapshot

FORMAT = 1
MANIFEST = "manifest.json"
_LONGEST_MANIFEST = 100_000_000
_PROBE = b"cleanlist-console backup"


class ArchiveMember(msgspec.Struct, frozen=True):
    """One member of an archive."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """An archive's description of itself. The encryption keys of the console that made it open ``probe``."""

    format: int
    version: str
    made_at: datetime
    probe: str
    files: list[ArchiveMember]

    @property
    def names(self) -> set[str]:
        return {file.name for file in self.files}

    def is_opened_by(self, keys: Sequence[str]) -> bool:
        """Return whether ``keys`` open the encrypted values in the archive's databases."""
        try:
            return MultiFernet([Fernet(key) for key in keys]).decrypt(self.probe.encode()) == _PROBE
        except InvalidToken:
            return False


def write_archive(
    target: Path,
    var_dir: Path,
    *,
    encryption_keys: Sequence[str],
    with_files: Sequence[str],
    recipients: Sequence[encryption.Recipient],
) -> Manifest:
    """Write an archive of ``var_dir`` to ``target``, atomically, and return its manifest.

    ``with_files`` names additional files of ``var_dir`` to include, i.e. keys. Raises BackupFailed.
    """
    if not (var_dir / snapshot.CONSOLE).is_file():
        raise BackupFailed(f"No console database found in {var_dir}. Is this the console's VAR_DIR?")
    try:
        if target.exists():
            raise BackupFailed(f"{target} already exists, and backups are never overwritten. Choose another name.")
        with private_folder(var_dir) as folder, _atomic_file(target) as output:
            names = snapshot.take_snapshot(var_dir, folder / "files", with_files=with_files)
            if not recipients:
                return _pack(folder / "files", names, output, encryption_keys)
            with (folder / "archive").open("w+b") as packed:
                manifest = _pack(folder / "files", names, packed, encryption_keys)
                packed.seek(0)
                encryption.encrypt(packed, output, list(recipients))
            return manifest
    except OSError as error:
        raise BackupFailed(f"Can't write {target}: {error.strerror or error}.") from None


def read_archive(archive: Path, folder: Path, identity: Path | None) -> Manifest:
    """Unpack ``archive`` into ``folder``, verify every byte, and return its manifest. Raises BackupFailed."""
    try:
        if not encryption.is_encrypted(archive):
            return _unpack(archive, folder)
        if identity is None:
            raise BackupFailed(f"{archive} is encrypted. Specify the private key file with --identity.")
        plain = folder / "archive"
        with archive.open("rb") as source, plain.open("xb") as target:
            encryption.decrypt(source, target, identity)
        return _unpack(plain, folder)
    except (tarfile.TarError, EOFError, msgspec.MsgspecError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupFailed(f"{archive} isn't a console backup or is damaged: {error}.") from None
    except OSError as error:
        what = f"unpacked into {folder.parent}" if error.errno == errno.ENOSPC else "read"
        raise BackupFailed(f"{archive} can't be {what}: {error.strerror or error}.") from None


@contextmanager
def private_folder(var_dir: Path) -> Iterator[Path]:
    """Yield a temporary folder beside the data, so that files can be moved between them."""
    with tempfile.TemporaryDirectory(dir=var_dir, prefix="backup-") as folder:
        yield Path(folder)


@contextmanager
def _atomic_file(target: Path) -> Iterator[IO[bytes]]:
    """Yield a file (mode 0600) that becomes ``target``, flushed to disk, if the block succeeds."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w+b") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        os.link(name, target)  # unlike a rename, never replaces a file created meanwhile
    finally:
        Path(name).unlink()


def _pack(folder: Path, names: Sequence[str], output: IO[bytes], encryption_keys: Sequence[str]) -> Manifest:
    files = [ArchiveMember(name, (folder / name).stat().st_size, _sha256(folder / name)) for name in names]
    probe = Fernet(encryption_keys[0]).encrypt(_PROBE).decode()
    manifest = Manifest(FORMAT, __version__, datetime.now(UTC), probe, files)  # noqa: TID251 - of this file, for people
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    # Named explicitly, because otherwise the file would contain the draft's name.
    with gzip.GzipFile("", "wb", fileobj=output) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name in (MANIFEST, *names):
            tar.add(folder / name, name, recursive=False)
    return manifest


def _unpack(archive: Path, folder: Path) -> Manifest:
    """Write the members to ``folder``: exactly those that the manifest lists."""
    with tarfile.open(archive, "r:gz") as tar:
        manifest = _manifest(tar)
        missing = {file.name: file for file in manifest.files}
        while member := tar.next():
            file = missing.pop(member.name, None)
            content = tar.extractfile(member) if file and member.isfile() else None
            if file is None or content is None:
                raise BackupFailed(f"{archive} is damaged: unexpected file {member.name}.")
            target = folder / file.name
            target.parent.mkdir(exist_ok=True)
            with target.open("xb") as output:
                shutil.copyfileobj(content, output)
            if _sha256(target) != file.sha256:
                raise BackupFailed(f"{archive} is damaged: {file.name} doesn't match its checksum.")
        while tar.fileobj and tar.fileobj.read(1 << 20):  # the overall checksum is at the end
            pass
    if missing:
        raise BackupFailed(f"{archive} is damaged: missing {', '.join(sorted(missing))}.")
    return manifest


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = tar.extractfile(first) if first and first.name == MANIFEST and first.isfile() else None
    if content is None:
        raise BackupFailed("This isn't a console backup: it doesn't start with a manifest.")
    text = content.read(_LONGEST_MANIFEST)
    found = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("format")
    if found is None or msgspec.json.decode(found) != FORMAT:
        raise BackupFailed("The backup was created by a newer version. Install that version, then restore it.")
    manifest = msgspec.json.decode(text, type=Manifest)
    if strange := [file.name for file in manifest.files if not _is_ours(file.name)]:
        raise BackupFailed(f"The backup lists an unknown file: {strange[0]!r}.")
    return manifest


def _is_ours(name: str) -> bool:
    """Return whether a backup may write a file of that name into VAR_DIR."""
    path = PurePosixPath(name)
    in_folder = len(path.parts) == 2 and path.parts[0] in snapshot.FOLDERS and path.name not in {".", ".."}
    return str(path) == name and (name in (*snapshot.DATABASES, *snapshot.KEYS) or in_folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
