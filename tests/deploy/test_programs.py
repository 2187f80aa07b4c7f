"""`manage.py web`, `worker`, `beat` and `sandbox` become the programs that production runs."""

import os
import sys

import pytest

from dashboard import programs
from tests.conftest import ROOT


@pytest.fixture
def became(monkeypatch):
    """What the process turns into instead of coming back."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    return calls


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("web", ["--port", "8001"], ["granian", "--interface", "asginl", "--http", "1", "--no-ws"]),
        ("worker", ["-Q", "alerts"], ["celery", "--quiet", "-A", "dashboard", "worker"]),
        ("beat", [], ["celery", "--quiet", "-A", "dashboard", "beat", "--pidfile="]),
        ("sandbox", ["serve"], ["sandbox"]),
    ],
)
def test_the_operators_words_come_last_and_the_current_folder_is_not_searched(became, name, arguments, words):
    programs.become(name, arguments)
    ((program, command, environment),) = became
    assert program == sys.executable
    assert command[: 3 + len(words)] == [sys.executable, "-P", "-m", *words]
    assert command[len(command) - len(arguments) :] == arguments
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)


def test_bad_settings_are_told_before_a_program_starts(manage, tmp_path):
    answer = manage("worker", VAR_DIR=tmp_path, LOG_LEVEL="loud")
    assert answer.returncode == 1
    assert "LOG_LEVEL: Must be one of" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_program_is_what_its_command_became(manage, tmp_path):
    assert "Usage: python -m celery worker" in manage("worker", "--help", VAR_DIR=tmp_path).stdout
    assert "usage: python -m sandbox" in manage("sandbox", "--help", VAR_DIR=tmp_path).stdout
