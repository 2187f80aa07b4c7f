"""`manage.py web`, `worker`, `beat` and `sandbox` become the programs that production runs."""

import os
import socket
import sys

import pytest

from config import programs
from config.embedded import CannotStart
from tests.conftest import ROOT
from tests.console_process import free_port


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
        ("worker", ["-Q", "alerts"], ["celery", "--quiet", "-A", "config", "worker"]),
        ("beat", [], ["celery", "--quiet", "-A", "config", "beat", "--pidfile="]),
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


@pytest.mark.parametrize("arguments", [["-Q", "nope"], ["--queues=polling,nope"], ["-Qnope", "--concurrency", "1"]])
def test_a_queue_that_nothing_is_put_into_is_refused(arguments):
    with pytest.raises(CannotStart, match=r"Unknown queue nope\. Available: polling, alerts\."):
        programs.check("worker", arguments)


@pytest.mark.parametrize("arguments", [[], ["-Q", "alerts"], ["--queues", "polling,alerts"], ["-Q"], ["-Qx", "--help"]])
def test_other_words_are_left_to_the_worker(arguments):
    programs.check("worker", arguments)


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_a_second_web_server_on_a_port_is_refused_in_words(manage, tmp_path, taken):
    done = manage("web", "--port", taken, VAR_DIR=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {taken} on 127.0.0.1 is already in use.")
    assert f"choose another with --port={int(taken) + 100}" in done.stderr


def test_it_is_looked_for_where_granian_will_listen(taken, monkeypatch):
    monkeypatch.setenv("GRANIAN_PORT", taken)
    with pytest.raises(CannotStart, match=taken):
        programs.check("web", [])
    with pytest.raises(CannotStart, match=r"Cannot listen on 192\.0\.2\.1 .*--host and --port"):
        programs.check("web", ["--host=192.0.2.1", "--port=1"])
    programs.check("web", ["--port", str(free_port())])
    programs.check("web", ["--uds", "/tmp/no.sock"])  # noqa: S108 - nothing is opened
    programs.check("web", ["--port", "http"])  # which granian refuses itself
    programs.check("web", ["--help"])
