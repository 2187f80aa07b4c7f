"""Puts the files of an archive where they belong; what was there is moved aside and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from dashboard.backup import BackupFailed, archive, snapshot
from dashboard.backup.archive import Manifest

# What belongs to the data that is replaced, journals and the queue of tasks included.
_REPLACED = (
    *(f"{snapshot.CONSOLE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    *snapshot.FOLDERS,
    "redis",
)


@dataclass(frozen=True)
class Keys:
    """The console's encryption keys as they are now, and whether they are the file in VAR_DIR."""

    current: Sequence[str]
    are_in_var_dir: bool


def current_keys() -> Keys:
    """Return the encryption keys of this process."""
    return Keys(settings.ENCRYPTION_KEYS, are_in_var_dir="encryption_key" in keys_in_use())


def keys_in_use() -> list[str]:
    """Return the names of those key files in VAR_DIR that are used, because the environment names no others."""
    chosen = {"secret_key": settings.SECRET_KEY, "encryption_key": ",".join(settings.ENCRYPTION_KEYS)}
    paths = {name: settings.VAR_DIR / name for name in snapshot.KEYS}
    return [name for name, path in paths.items() if path.is_file() and path.read_text().strip() == chosen[name]]


def verify(path: Path, var_dir: Path, identity: Path | None, migrations: set[tuple[str, str]]) -> Manifest:
    """Return the manifest of an archive that could be restored here. Raises BackupFailed."""
    with archive.private_folder(var_dir) as folder:
        return _checked(path, folder, identity, migrations)


def restore(
    path: Path, var_dir: Path, identity: Path | None, migrations: set[tuple[str, str]], keys: Keys
) -> Path | None:
    """Restore the archive at ``path`` into ``var_dir``; nothing there is touched unless all of it can be.

    ``migrations`` are those that this version knows. Returns where the files that were there before are now, or None
    where there were none. Raises BackupFailed.
    """
    if (var_dir / snapshot.CONSOLE).exists():
        snapshot.check_unused(var_dir / snapshot.CONSOLE)
    with archive.private_folder(var_dir) as folder:
        manifest = _checked(path, folder, identity, migrations)
        from_archive = keys.are_in_var_dir and "encryption_key" in manifest.names
        _check_keys(manifest, [(folder / "encryption_key").read_text()] if from_archive else keys.current)
        try:
            aside = _move_aside(var_dir, [*_REPLACED, *(name for name in snapshot.KEYS if name in manifest.names)])
            for name in sorted(manifest.names):
                (var_dir / name).parent.mkdir(exist_ok=True, mode=0o700)
                (folder / name).rename(var_dir / name)
        except OSError as error:
            raise BackupFailed(f"{error.filename} could not be moved: {error.strerror}.") from None
    return aside


def _checked(path: Path, folder: Path, identity: Path | None, migrations: set[tuple[str, str]]) -> Manifest:
    """Unpack an archive whose databases are whole and no newer than this version."""
    manifest = archive.read(path, folder, identity)
    if snapshot.CONSOLE not in manifest.names:
        raise BackupFailed(f"{path} holds no database of the console.")
    for name in manifest.names & set(snapshot.DATABASES):
        snapshot.check_database(folder / name)
    if newer := snapshot.migrations_of(folder / snapshot.CONSOLE) - migrations:
        app, name = min(newer)
        raise BackupFailed(
            f"The backup was made by version {manifest.version}, whose database this one does not know ({app}.{name}). "
            "Install that version or a newer one, then restore it."
        )
    return manifest


def _check_keys(manifest: Manifest, keys: Sequence[str]) -> None:
    if not manifest.is_opened_by(keys):
        raise BackupFailed(
            "What is encrypted in this backup cannot be opened with the console's encryption keys, and the backup "
            "holds none. Put the file encryption_key that was kept apart into VAR_DIR, or set ENCRYPTION_KEYS."
        )


def _move_aside(var_dir: Path, names: Sequence[str]) -> Path | None:
    found = [name for name in names if (var_dir / name).exists()]
    if not found:
        return None
    aside = var_dir / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"  # noqa: TID251 - a name
    aside.mkdir(mode=0o700)
    for name in found:
        (var_dir / name).rename(aside / name)
    return aside
