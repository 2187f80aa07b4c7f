"""`make dev`: programs start again when their code changes, and only those that have it."""

import sys

import pytest

from config.embedded.console import changed_packages, restart_changed
from config.embedded.processes import Process
from tests.wait import wait_until


@pytest.fixture
def processes():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    started = {name: Process(name, command) for name in ("redis", "sandbox", "web", "worker")}
    for process in started.values():
        process.start()
    yield started
    for process in started.values():
        process.kill_group()
        process.running.wait()


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [({"keys"}, {"web", "worker"}), ({"sandbox"}, {"sandbox"}), ({"sandbox", "core"}, {"sandbox", "web", "worker"})],
)
def test_what_has_the_changed_code_starts_again(processes, changed, restarted):
    before = {name: process.running for name, process in processes.items()}
    restart_changed(processes.values(), changed)
    assert {name for name in processes if processes[name].running is not before[name]} == restarted
    assert all(before[name].poll() is not None for name in restarted)
    assert all(process.running.poll() is None for process in processes.values())


def test_a_change_of_python_code_is_noticed_once_with_its_package(tmp_path):
    for name in ("keys", "webhooks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    looks, found = changed_packages(tmp_path), set()

    def has_changed():
        (tmp_path / "webhooks" / "notes.txt").write_text("not code")
        (tmp_path / "keys" / "views.py").write_text("x = 1\n")  # again, until the watch has begun
        found.update(next(looks))
        return found

    wait_until(has_changed)
    assert found == {"keys"}
