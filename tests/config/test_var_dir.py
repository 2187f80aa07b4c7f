"""Databases, keys and mail lie where nobody else on the machine can read them."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from config.var_dir import DirectoryNotPrivate, make_private


@pytest.fixture(autouse=True)
def _open_as_most_accounts_are():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def var_dir(tmp_path):
    """As an earlier version left it, in a directory that the operator had made."""
    path = tmp_path / "var"
    (path / "mail").mkdir(parents=True)
    for name in ("console.sqlite3", "secret_key", "mail/one.eml"):
        (path / name).write_text(name)
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_directory_that_is_missing_is_made_closed_with_its_parents(tmp_path):
    make_private(tmp_path / "new" / "var")
    assert (mode(tmp_path / "new"), mode(tmp_path / "new" / "var")) == (0o700, 0o700)


def test_one_that_others_can_read_is_closed_and_so_is_what_is_in_it(var_dir):
    make_private(var_dir)
    assert [mode(var_dir / name) for name in (".", "console.sqlite3", "secret_key", "mail")] == [
        0o700,
        0o600,
        0o600,
        0o700,
    ]


@pytest.mark.parametrize("bits", [0o710, 0o701, 0o750, 0o705, 0o1777])
def test_any_bit_for_others_counts(var_dir, bits):
    var_dir.chmod(bits)
    make_private(var_dir)
    assert mode(var_dir) == 0o700


def test_files_of_a_closed_directory_are_closed_too(var_dir):
    var_dir.chmod(0o700)
    make_private(var_dir)
    assert mode(var_dir / "console.sqlite3") == 0o600


def test_an_empty_directory_is_taken(tmp_path):
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_directory_of_other_things_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "mail").mkdir()
    tmp_path.chmod(0o755)
    with pytest.raises(DirectoryNotPrivate, match=r"mode 755\) and contains no console data. Run `chmod 700 "):
        make_private(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "mail")) == (0o755, 0o755)


def refuse(*_):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("chmod", [refuse, lambda *_: None], ids=["refused", "ignored"])
def test_a_directory_that_cannot_be_closed_is_refused(var_dir, monkeypatch, chmod):
    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(DirectoryNotPrivate, match="permissions can't be changed"):
        make_private(var_dir)


def test_where_a_link_leads_is_left_alone(var_dir, tmp_path):
    (tmp_path / "elsewhere").write_text("shared")
    (var_dir / "static").symlink_to(tmp_path / "elsewhere")
    make_private(var_dir)
    assert mode(tmp_path / "elsewhere") == 0o644


def test_what_is_written_afterwards_is_closed(tmp_path):
    make_private(tmp_path)
    with sqlite3.connect(tmp_path / "new.sqlite3") as database:
        database.execute("CREATE TABLE t (a)")
    (tmp_path / "folder").mkdir()
    assert (mode(tmp_path / "new.sqlite3"), mode(tmp_path / "folder")) == (0o600, 0o700)


def test_every_command_closes_it_and_one_line_says_why_it_cannot(manage, var_dir, tmp_path):
    assert manage("check", VAR_DIR=var_dir).returncode == 0
    assert mode(var_dir / "console.sqlite3") == 0o600
    tmp_path.chmod(0o755)
    refused = manage("check", VAR_DIR=tmp_path)
    assert refused.returncode == 1
    assert "  VAR_DIR: " in refused.stderr
    assert "Traceback" not in refused.stderr
