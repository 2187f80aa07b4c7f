"""Archives of the embedded set: what is in them, what they are refused for, and what restoring leaves behind."""

import errno
import gzip
import io
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import tarfile
import threading
import zlib
from contextlib import closing
from pathlib import Path

import pyrage
import pytest
from cryptography.fernet import Fernet

from config.backup import BackupFailed, archive, encryption, restore, snapshot
from config.backup.restore import CurrentKeys

KEY = Fernet.generate_key().decode()
KNOWN = {("workspaces", "0001_initial")}
HERE = CurrentKeys([KEY], are_in_var_dir=True)


@pytest.fixture
def var_dir(tmp_path):
    """A VAR_DIR with databases that are in use."""
    path = tmp_path / "var"
    for name in snapshot.DATABASES:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path / name, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE django_migrations (app, name)")
            database.executemany("INSERT INTO django_migrations VALUES (?, ?)", KNOWN)
            database.execute("CREATE TABLE account (name PRIMARY KEY, credits)")
            database.execute("INSERT INTO account VALUES ('a', 0), ('b', 0)")
    (path / "mail").mkdir()
    (path / "mail" / "one.eml").write_text("Subject: one")
    (path / "secret_key").write_text("of sessions")
    (path / "encryption_key").write_text(KEY)
    (path / "up.lock").write_text("17")
    return path


@pytest.fixture
def make(var_dir, tmp_path):
    def write(name="backup.tar.gz", *, keys=snapshot.KEYS, recipients=()):
        path = tmp_path / name
        archive.write_archive(path, var_dir, encryption_keys=[KEY], with_files=keys, recipients=recipients)
        return path

    return write


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "elsewhere"
    path.mkdir()
    return path


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT name, credits FROM account ORDER BY name").fetchall()


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_backed_up_is_restored_byte_for_byte(make, var_dir, empty):
    assert restore.restore(make(), empty, None, KNOWN, HERE) is None
    assert files(empty) == {*snapshot.DATABASES, *snapshot.KEYS, "mail/one.eml"}
    for name in (*snapshot.KEYS, "mail/one.eml"):
        assert (empty / name).read_bytes() == (var_dir / name).read_bytes()
    for name in snapshot.DATABASES:
        assert rows(empty / name) == rows(var_dir / name)


def test_a_database_in_use_is_copied_as_of_one_moment_and_with_its_log(var_dir, tmp_path):
    """The sum of both rows is always zero, but for the time between the two updates of a transaction."""
    ended = threading.Event()

    def write():
        with closing(sqlite3.connect(var_dir / "console.sqlite3", isolation_level=None)) as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")
            amount = 0
            while not ended.is_set():
                amount += 1
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE account SET credits = ? WHERE name = 'a'", (amount,))
                database.execute("UPDATE account SET credits = ? WHERE name = 'b'", (-amount,))
                database.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        while len(seen) < 5 or seen[-1] == 0:
            copy = tmp_path / f"copy{len(seen)}.sqlite3"
            snapshot.copy_database(var_dir / "console.sqlite3", copy)
            (_, first), (_, second) = rows(copy)
            assert first + second == 0
            seen.append(first)
    finally:
        ended.set()
        writer.join()
    assert seen == sorted(seen)


def test_nobody_else_may_read_the_archive_and_no_draft_is_left(make, var_dir):
    path = make()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [name for name in (*path.parent.iterdir(), *var_dir.iterdir()) if "backup" in name.name and name != path]


def test_an_archive_is_never_written_over(make):
    make()
    with pytest.raises(BackupFailed, match="never overwritten"):
        make()


def test_a_place_that_cannot_be_written_to_is_named(var_dir, tmp_path):
    with pytest.raises(BackupFailed, match=r"Can't write .*missing/b: No such file or directory"):
        archive.write_archive(tmp_path / "missing/b", var_dir, encryption_keys=[KEY], with_files=(), recipients=())


def no_room(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_while_encrypting_is_told():
    public = encryption.parse_recipient(str(pyrage.x25519.Identity.generate().to_public()))
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(BackupFailed, match=r"Can't write the encrypted archive: .*No space left"),
    ):
        encryption.encrypt(io.BytesIO(b"a" * 1_000_000), full, [public])


def test_no_room_to_unpack_is_not_taken_for_an_archive_that_cannot_be_read(make, empty, monkeypatch):
    path = make()
    monkeypatch.setattr(shutil, "copyfileobj", no_room)
    with pytest.raises(BackupFailed, match=r"can't be unpacked into .*elsewhere: No space left"):
        restore.restore(path, empty, None, KNOWN, HERE)
    assert list(empty.iterdir()) == []


def test_a_name_that_no_file_can_have_is_told(var_dir, tmp_path):
    with pytest.raises(BackupFailed, match=r"Can't write .*: File name too long"):
        archive.write_archive(tmp_path / ("n" * 300), var_dir, encryption_keys=[KEY], with_files=(), recipients=())


def test_an_empty_folder_is_not_backed_up_as_if_the_console_were_in_it(empty, tmp_path):
    """As it is found by a job that runs as another account, or without the console's settings."""
    with pytest.raises(BackupFailed, match=r"No console database found in .*elsewhere. Is this the console's VAR_DIR"):
        archive.write_archive(tmp_path / "b", empty, encryption_keys=[KEY], with_files=(), recipients=())
    assert not (tmp_path / "b").exists()


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(make, var_dir, tmp_path):
    with (var_dir / "console.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(BackupFailed, match=r"damaged|cannot be copied"):
        make()
    assert not (tmp_path / "backup.tar.gz").exists()


def test_what_was_there_is_moved_aside_with_its_log_and_queue(make, var_dir):
    path = make()
    with closing(sqlite3.connect(var_dir / "console.sqlite3")) as database:
        database.execute("UPDATE account SET credits = 5")
        database.commit()
    (var_dir / "console.sqlite3-wal").write_bytes(b"left by a crash")
    (var_dir / "redis").mkdir()
    aside = restore.restore(path, var_dir, None, KNOWN, HERE)
    assert aside.parent == var_dir
    assert {"console.sqlite3", "secret_key", "encryption_key", "sandbox", "mail", "redis"} <= {
        p.name for p in aside.iterdir()
    }
    assert rows(var_dir / "console.sqlite3") == [("a", 0), ("b", 0)]
    assert not (var_dir / "console.sqlite3-wal").exists()
    assert not (var_dir / "redis").exists()


def everything_in(folder):
    """But for the logs of databases, which SQLite makes and removes as it looks at them."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {name: path.is_dir() or path.read_bytes() for name, path in found.items() if "-wal" not in name}


def test_what_cannot_be_moved_leaves_everything_as_it_was(make, var_dir, monkeypatch):
    """A folder on a disk of its own, for one; whichever it is, and however late."""
    path, rename = make(), Path.rename
    (var_dir / "redis").mkdir()
    (var_dir / "sandbox" / "later").write_text("")
    before = everything_in(var_dir)
    for place in itertools.count():
        left = itertools.count(place, -1)

        def refuse(source, target, left=left):
            if next(left) == 0:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(source))
            return rename(source, target)

        monkeypatch.setattr(Path, "rename", refuse)
        try:
            restore.restore(path, var_dir, None, KNOWN, HERE)
        except BackupFailed as error:
            assert "can't be moved: Device or resource busy. Nothing was changed" in str(error)  # noqa: PT017
            assert everything_in(var_dir) == before
        else:
            break
    assert place > len(snapshot.DATABASES) + len(snapshot.FOLDERS) + len(snapshot.KEYS)


def test_nothing_is_restored_under_a_console_that_runs(make, var_dir):
    path = make()
    with closing(sqlite3.connect(var_dir / "console.sqlite3")) as database:
        database.execute("SELECT * FROM account").fetchall()
        with pytest.raises(BackupFailed, match="in use"):
            restore.restore(path, var_dir, None, KNOWN, HERE)
    assert restore.restore(path, var_dir, None, KNOWN, HERE)


def test_keys_stay_out_on_request_and_are_asked_for(make, empty):
    path = make(keys=())
    other = CurrentKeys([Fernet.generate_key().decode()], are_in_var_dir=True)
    with pytest.raises(BackupFailed, match="separately stored encryption_key"):
        restore.restore(path, empty, None, KNOWN, other)
    assert files(empty) == set()
    restore.restore(path, empty, None, KNOWN, CurrentKeys([*other.current, KEY], are_in_var_dir=True))
    assert "encryption_key" not in files(empty)


def test_keys_of_the_environment_count_before_those_in_the_archive(make, empty):
    other = CurrentKeys([Fernet.generate_key().decode()], are_in_var_dir=False)
    with pytest.raises(BackupFailed, match="ENCRYPTION_KEYS"):
        restore.restore(make(), empty, None, KNOWN, other)


def test_the_database_of_a_newer_version_is_refused(make, empty):
    with pytest.raises(BackupFailed, match=r"doesn't know \(workspaces\.0001_initial\)"):
        restore.restore(make(), empty, None, {("workspaces", "0000_zero")}, HERE)


@pytest.mark.parametrize("kind", ["age", "ssh"])
def test_an_encrypted_archive_opens_with_its_key_alone(make, empty, tmp_path, kind):
    identity = tmp_path / "identity"
    if kind == "age":
        made = pyrage.x25519.Identity.generate()
        identity.write_text(f"# made for the tests\n{made}\n")
        public = str(made.to_public())
    else:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(identity)]
        subprocess.run(command, check=True)
        public = (tmp_path / "identity.pub").read_text()
    path = make(recipients=[encryption.parse_recipient(public)])
    assert b"SQLite format" not in path.read_bytes()
    with pytest.raises(BackupFailed, match="--identity"):
        restore.restore(path, empty, None, KNOWN, HERE)
    stranger = tmp_path / "stranger"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(BackupFailed, match="Can't decrypt the archive"):
        restore.restore(path, empty, stranger, KNOWN, HERE)
    restore.restore(path, empty, identity, KNOWN, HERE)
    assert rows(empty / "console.sqlite3") == [("a", 0), ("b", 0)]


@pytest.mark.parametrize("text", ["age1nonsense", "ssh-ed25519 nonsense", "ssh-dss AAAA", ""])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(ValueError, match="not a public key"):
        encryption.parse_recipient(text)


def says_the_same(turned, whole):
    """Zeros copied from two places back are the zeros of one place back: a bit less is no damage there."""
    try:
        return gzip.decompress(turned) == gzip.decompress(whole)
    except (OSError, EOFError, zlib.error):
        return False


def test_every_damage_is_noticed(make, empty, tmp_path):
    """A bit turned anywhere between the header and the checksum of the whole, or an end that is missing."""
    whole = make().read_bytes()
    bad = tmp_path / "bad"
    for place in range(10, len(whole) - 9, len(whole) // 40):
        turned = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
        if says_the_same(turned, whole):
            continue
        bad.write_bytes(turned)
        with pytest.raises(BackupFailed, match=r"damaged|newer|no backup|lists"):
            restore.restore(bad, empty, None, KNOWN, HERE)
        bad.write_bytes(whole[:place])
        with pytest.raises(BackupFailed, match="damaged"):
            restore.verify(bad, empty, None, KNOWN)
    assert list(empty.iterdir()) == []


def repacked(path, change):
    """The archive with another list of members."""
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in change(members):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    path.write_bytes(out.getvalue())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m[1:], "isn't a console backup"),
        (lambda m: [*m, ("../planted", b"")], "unexpected file"),
        (lambda m: m[:-1], "is damaged: missing"),
        (lambda m: [(m[0][0], m[0][1].replace(b'"mail/one.eml"', b'"mail/../../x"')), *m[1:]], "unknown file"),
        (lambda m: [(m[0][0], m[0][1].replace(b'"format": 1', b'"format": 2')), *m[1:]], "newer version"),
        (lambda m: [(m[0][0], b"[]"), *m[1:]], "isn't a console backup"),
        (lambda m: [*m[:-1], (m[-1][0], b"other")], "doesn't match its checksum"),
    ],
)
def test_an_archive_that_somebody_made_up_is_refused(make, empty, change, message):
    path = make()
    repacked(path, change)
    with pytest.raises(BackupFailed, match=message):
        restore.restore(path, empty, None, KNOWN, HERE)
    assert list(empty.iterdir()) == []


def test_on_postgresql_its_own_tools_are_named_without_the_password(manage, tmp_path):
    variables = dict(line.split("=", 1) for line in manage("generate_keys").stdout.replace("'", "").splitlines())
    variables["DATABASE_URL"] = "postgres://console:hushhush@127.0.0.1:1/console"
    said = manage("backup", tmp_path / "b", VAR_DIR=tmp_path / "var", **variables).stderr
    assert f"pg_dump --format=custom --file={tmp_path}/b 'host=127.0.0.1 port=1 user=console dbname=console'" in said
    assert "hushhush" not in said
