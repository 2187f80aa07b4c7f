"""The contents of a backup: consistent copies of the SQLite databases, and the small files beside them."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from config.backup import BackupFailed

CONSOLE = "console.sqlite3"
DATABASES = (CONSOLE, "sandbox/sandbox.sqlite3")
KEYS = ("secret_key", "encryption_key")
FOLDERS = ("sandbox", "mail")  # their other files are copied as they are: each is written once, or atomically
_BUSY_SECONDS = 30


def take_snapshot(var_dir: Path, draft: Path, *, with_files: Sequence[str]) -> list[str]:
    """Copy the contents of a backup of ``var_dir``, and ``with_files``, to ``draft``; return the names."""
    draft.mkdir()
    names = []
    for name in (*_names(var_dir), *with_files):
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in DATABASES:
            copy_database(var_dir / name, target)
        else:
            try:
                shutil.copyfile(var_dir / name, target)
            except FileNotFoundError:  # removed since it was listed
                continue
        names.append(name)
    return names


def _names(var_dir: Path) -> Iterator[str]:
    yield from (name for name in DATABASES if (var_dir / name).is_file())
    for folder in FOLDERS:
        for path in sorted((var_dir / folder).glob("*")):
            if path.is_file() and not path.is_symlink() and ".sqlite3" not in path.name:
                yield f"{folder}/{path.name}"


def copy_database(source: Path, target: Path) -> None:
    """Make a consistent copy of a database that others may be writing to, and verify it.

    All pages are copied in one step: SQLite reads one snapshot meanwhile, and with a write-ahead log nobody waits.
    """
    try:
        with closing(_open(source)) as there, closing(sqlite3.connect(target)) as here:
            there.backup(here)
            # The copy is a single file without a WAL; whoever opens it next chooses the mode again.
            here.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupFailed(f"Can't copy {source}: {error}.") from None
    check_database(target)


def check_database(path: Path) -> None:
    """Raise BackupFailed unless SQLite's integrity and reference checks succeed."""
    try:
        with closing(_open(path)) as database:
            answers = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
            astray = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        answers, astray = [str(error)], None
    if answers != ["ok"] or astray:
        reason = (
            "; ".join(answers) if answers != ["ok"] else f"a row in {astray[0]} refers to a missing row in {astray[2]}"
        )
        raise BackupFailed(f"The database {path.name} is damaged: {reason}.")


def migrations_of(path: Path) -> set[tuple[str, str]]:
    """Return the migrations applied to the console's database at ``path``."""
    with closing(_open(path)) as database:
        return set(database.execute("SELECT app, name FROM django_migrations"))


def check_unused(path: Path) -> None:
    """Raise BackupFailed if any process has the database open."""
    try:
        with closing(sqlite3.connect(path, timeout=1)) as database:
            # With a write-ahead log, every open connection holds a shared lock.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError:
        raise BackupFailed(
            f"{path} is in use. Stop the console first: web server, workers, clock and sandbox."
        ) from None
    except sqlite3.DatabaseError:  # too damaged to open, which may be why it is being restored
        return


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=_BUSY_SECONDS)
