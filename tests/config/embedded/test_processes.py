"""What a supervised process prints, as the supervisor repeats it."""

import io
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
import weakref

import pytest

import manage
from config.embedded import console
from config.embedded.processes import REAPER, Process, stop_all
from core.redaction import BEYOND, LONGEST_EVENT
from tests.wait import wait_until

KEY = "clapi_AbCd" + "x7-_" * 15


def repeated(text, capsys):
    Process("web", [], unsaid=("of no interest",))._print(text if hasattr(text, "readline") else io.StringIO(text))
    return capsys.readouterr().out.splitlines()


def test_lines_come_one_by_one_without_their_secrets(capsys):
    lines = repeated(f"one\n\nwith {KEY}\nof no interest\nlast", capsys)
    assert lines == ["web     | one", "web     | ", "web     | with clapi_AbCd…[redacted]", "web     | last"]


@pytest.mark.parametrize("more", [1, BEYOND, BEYOND + 1, 100_000])
def test_a_long_line_is_cut_and_says_by_how_much_and_the_next_one_is_whole(capsys, more):
    first, second = repeated("x" * (LONGEST_EVENT + more) + "\nnext\n", capsys)
    assert first == f"web     | {'x' * LONGEST_EVENT}… [{more:,} more characters]"
    assert second == "web     | next"


@pytest.mark.parametrize("at", [LONGEST_EVENT - 30, LONGEST_EVENT + BEYOND - 30])
@pytest.mark.parametrize("after", ["", "y" * 50_000])
def test_a_cut_leaves_no_half_of_a_secret(capsys, at, after):
    (line,) = repeated(f"{'x' * (at - 1)} {KEY} {after}\n", capsys)
    assert KEY[11:14] not in line


class Endless(io.StringIO):
    """Megabytes without an end of line, as a program that writes a file to its output does."""

    left = 20

    def readline(self, most):
        self.left -= 1
        return "x" * most if self.left > 0 else ""


def test_a_line_without_end_is_never_held(capsys):
    tracemalloc.start()
    (line,) = repeated(Endless(), capsys)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line.endswith(f"… [{19 * (LONGEST_EVENT + BEYOND) - LONGEST_EVENT:,} more characters]")
    assert peak < 10 * LONGEST_EVENT


def test_being_asked_to_stop_in_the_middle_of_a_finalizer_stops_it_too(monkeypatch):
    """What a handler raises there is lost; the console ran on, and took no signal any more."""

    class Looked(Process):
        times = 0

        def look_after(self):
            self.times += 1
            assert self.times < 40, "it runs on"

    def start(processes, *_, **__):
        nothing = threading.Event()
        weakref.finalize(nothing, os.kill, os.getpid(), signal.SIGTERM)
        processes.append(Looked("web", []))
        del nothing

    monkeypatch.setattr(console, "_start", start)
    monkeypatch.setattr(console, "stop_all", lambda *_, **__: None)
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    console.run(with_sandbox=False)


@pytest.fixture
def group():
    """Starts process groups that end for nothing but a SIGKILL."""
    started = []

    def start():
        started.append(subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; exec sleep 60"], start_new_session=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def guard(seconds, *lines):
    command = [sys.executable, "-I", "-S", REAPER, str(seconds)]
    subprocess.run(command, input="".join(f"{line}\n" for line in lines), text=True, timeout=20, check=True)


def test_the_guard_kills_what_is_left_of_a_console_and_nothing_that_had_ended(group):
    left, ended = group(), group()
    guard(0.1, f"+{left.pid}", f"+{ended.pid}", f"-{ended.pid}")
    assert left.wait(5) == -signal.SIGKILL
    assert ended.poll() is None


def test_the_guard_waits_for_nobody_who_is_gone(group):
    gone = group()
    gone.kill()
    gone.wait()
    guard(60, f"+{gone.pid}")


def test_the_guard_hears_of_each_start_and_each_end(monkeypatch):
    monkeypatch.setattr(Process, "_print", lambda _, output: output.close())
    heard = []

    class Told:
        def started(self, pid):
            heard.append(("started", pid))

        def ended(self, pid):
            heard.append(("ended", pid))

    program = Process("web", [sys.executable, "-I", "-S", "-c", "pass"], guard=Told())
    program.start()
    first = program.running
    first.wait(20)
    program.look_after()
    assert heard == [("started", first.pid), ("ended", first.pid)]


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("django.core.management.execute_from_command_line", interrupted)
    with pytest.raises(SystemExit) as ended:
        manage.main(["manage.py", "apply", "set-up.yaml"])
    assert ended.value.code == 130


def test_what_does_not_end_is_killed_and_waited_for(capsys):
    """Else the reaper, for which it still counts, would wait for as long again."""
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    deaf = Process("web", [sys.executable, "-c", script])
    deaf.start()
    wait_until(lambda: "deaf" in capsys.readouterr().out)
    stop_all([deaf], last="redis", grace=0.2)
    assert deaf.running.returncode == -signal.SIGKILL
