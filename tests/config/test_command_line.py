"""`manage.py`: what it prints gets through whatever locale and reader there are, and its help knows every command."""

import stat

import pytest

from config.programs import PROGRAMS
from tests.wait import closed_pipe


@pytest.mark.parametrize("command", ["help", "generate_keys", "check_install"])
def test_a_reader_that_went_away_ends_it_without_a_traceback(manage, tmp_path, command):
    """`check_install` would end with 1 by itself."""
    with closed_pipe() as pipe:
        done = manage(command, stdout=pipe, VAR_DIR=tmp_path)
    assert (done.returncode, done.stderr) == (141, "")


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}


def test_what_it_prints_is_utf_8_in_a_locale_without_those_letters(manage, tmp_path):
    var_dir = tmp_path / "Übung"
    done = manage("check_install", VAR_DIR=var_dir, **ASCII)
    assert f"VAR_DIR: {var_dir}, " in done.stdout
    assert "Traceback" not in done.stderr


def test_a_program_begins_in_utf_8_as_well(manage, tmp_path):
    done = manage("sandbox", "credentials", "--data", tmp_path / "Übung", **ASCII)
    assert done.stderr.startswith(f"sandbox: cannot use {tmp_path / 'Übung'}: ")


def test_an_interpreter_that_stays_in_ascii_does_not_begin_again_for_ever(manage, tmp_path):
    done = manage("generate_keys", **{**ASCII, "PYTHONUTF8": "1"}, PYTHONIOENCODING="ascii")
    assert done.stdout.startswith("SECRET_KEY=")


def test_help_lists_what_is_no_command_of_djangos(manage, tmp_path):
    listed = manage("help", VAR_DIR=tmp_path).stdout.split("[programs and keys]")[1]
    assert [name for name in [*PROGRAMS, "generate_keys"] if f"    {name} " not in listed] == []


def test_help_of_a_program_is_its_own(manage, tmp_path):
    assert "Usage: python -m granian" in manage("help", "web", VAR_DIR=tmp_path).stdout
    assert "SECRET_KEY" in manage("help", "generate_keys", VAR_DIR=tmp_path).stdout


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o640, 0o640), (0o600, 0o600)])
def test_a_file_that_keys_are_printed_into_is_closed_to_everybody(manage, tmp_path, before, after):
    path = tmp_path / ".env"
    path.touch()
    path.chmod(before)
    with path.open("a") as file:
        assert manage("generate_keys", stdout=file).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == after
    assert "ENCRYPTION_KEYS=" in path.read_text()
