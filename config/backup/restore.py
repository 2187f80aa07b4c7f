"""Restores the files of an archive; existing files are moved aside and kept."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from config.backup import BackupFailed, archive, snapshot
from config.backup.archive import Manifest

# Everything that belongs to the replaced data, including journals and the task queue.
_REPLACED = (
    *(f"{snapshot.CONSOLE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    *snapshot.FOLDERS,
    "redis",
)


@dataclass(frozen=True)
class CurrentKeys:
    """The console's current encryption keys, and whether they come from the file in VAR_DIR."""

    current: Sequence[str]
    are_in_var_dir: bool


def current_keys() -> CurrentKeys:
    return CurrentKeys(settings.ENCRYPTION_KEYS, are_in_var_dir="encryption_key" in keys_in_use())


def keys_in_use() -> list[str]:
    """Return the names of the key files in VAR_DIR that are in use, i.e. not overridden by the environment."""
    chosen = {"secret_key": settings.SECRET_KEY, "encryption_key": ",".join(settings.ENCRYPTION_KEYS)}
    paths = {name: settings.VAR_DIR / name for name in snapshot.KEYS}
    return [name for name, path in paths.items() if path.is_file() and path.read_text().strip() == chosen[name]]


def verify(path: Path, var_dir: Path, identity: Path | None, migrations: set[tuple[str, str]]) -> Manifest:
    """Return the manifest of an archive if it can be restored here. Raises BackupFailed."""
    with archive.private_folder(var_dir) as folder:
        return _checked(path, folder, identity, migrations)


def restore(
    path: Path, var_dir: Path, identity: Path | None, migrations: set[tuple[str, str]], keys: CurrentKeys
) -> Path | None:
    """Restore the archive at ``path`` into ``var_dir``; either completely or without touching anything there.

    ``migrations`` are those that this version knows. Returns the folder that now holds the previous files, or None if
    there were none. Raises BackupFailed.
    """
    if (var_dir / snapshot.CONSOLE).exists():
        snapshot.check_unused(var_dir / snapshot.CONSOLE)
    with archive.private_folder(var_dir) as folder:
        manifest = _checked(path, folder, identity, migrations)
        from_archive = keys.are_in_var_dir and "encryption_key" in manifest.names
        _check_keys(manifest, [(folder / "encryption_key").read_text()] if from_archive else keys.current)
        leaving = [*_REPLACED, *(name for name in snapshot.KEYS if name in manifest.names)]
        return _exchange(var_dir, [name for name in leaving if (var_dir / name).exists()], folder, manifest.names)


def _checked(path: Path, folder: Path, identity: Path | None, migrations: set[tuple[str, str]]) -> Manifest:
    """Unpack an archive; check that its databases are intact and no newer than this version."""
    manifest = archive.read_archive(path, folder, identity)
    if snapshot.CONSOLE not in manifest.names:
        raise BackupFailed(f"{path} contains no console database.")
    for name in manifest.names & set(snapshot.DATABASES):
        snapshot.check_database(folder / name)
    if newer := snapshot.migrations_of(folder / snapshot.CONSOLE) - migrations:
        app, name = min(newer)
        raise BackupFailed(
            f"The backup was made by version {manifest.version}, whose database this version doesn't know "
            f"({app}.{name}). Install that version or a newer one, then restore it."
        )
    return manifest


def _check_keys(manifest: Manifest, keys: Sequence[str]) -> None:
    if not manifest.is_opened_by(keys):
        raise BackupFailed(
            "The console's encryption keys can't decrypt this backup, and it doesn't include its own. Copy your "
            "separately stored encryption_key file to VAR_DIR, or set ENCRYPTION_KEYS."
        )


def _exchange(var_dir: Path, leaving: Sequence[str], folder: Path, coming: Iterable[str]) -> Path | None:
    """Move the ``leaving`` files aside and the ``coming`` ones into ``var_dir``; undo everything if that fails."""
    aside = var_dir / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"  # noqa: TID251 - a name
    moves = [(var_dir / name, aside / name) for name in leaving]
    moves += [(folder / name, var_dir / name) for name in sorted(coming)]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            target.parent.mkdir(exist_ok=True, mode=0o700)
            source.rename(target)
            done.append((source, target))
    except OSError as error:
        for source, target in reversed(done):
            target.rename(source)
        for made in {target.parent for _, target in moves} - {var_dir, *(var_dir / name for name in leaving)}:
            with contextlib.suppress(OSError):  # it does not exist yet
                made.rmdir()
        raise BackupFailed(
            f"{error.filename} can't be moved: {error.strerror}. Nothing was changed. It must be in VAR_DIR itself, "
            "not on a separate disk."
        ) from None
    return aside if leaving else None
