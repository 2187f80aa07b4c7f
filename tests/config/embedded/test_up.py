"""`manage.py up` as a real process: what it starts, what it survives, what it leaves behind."""

import contextlib
import json
import re
import signal
import socket
import sqlite3
import stat
import time
import urllib.error
import urllib.request
from pathlib import Path

import kombu
import psutil
import pytest
import redis

from config.celery import app, broker_url
from tests.console_process import RunningConsole


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    return condition()


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
        return json.load(answer)


def family(console):
    return psutil.Process(console.process.pid).children(recursive=True)


def child(console, word):
    return next(p for p in psutil.Process(console.process.pid).children() if runs(p, word))


def runs(process, word):
    try:
        return word in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return False


def survivors(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def handles_sigterm(process):
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)[1]
    return bool(int(caught, 16) & 1 << signal.SIGTERM - 1)


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    running = RunningConsole(tmp_path_factory.mktemp("up"), "--no-sandbox")
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


def test_it_is_ready_when_it_says_so(console):
    assert get(f"{console.url}/readyz") == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "redis": "ok"},
    }


def test_it_says_where_it_is_and_how_to_sign_in_without_the_chosen_password(console):
    assert f"ready at {console.url}/" in console.text
    assert console.email in console.text
    assert console.password not in console.text


def test_it_says_its_address_at_once_and_then_what_it_does_and_how_long_that_took(console):
    lines = [line.partition("| ")[2].rstrip() for line in console.output if line.startswith("console ")]
    ready = next(number for number, line in enumerate(lines) if "ready at" in line)
    assert lines[0] == f"Cleanlist Console is starting at {console.url}/; the first start takes up to a minute"
    for step in range(3):
        begins, ends = lines[1 + 2 * step : 3 + 2 * step]
        assert begins.startswith(f"[{step + 1}/3] ")
        assert re.fullmatch(rf"\[{step + 1}/3\] .+ \(\d+\.\d s\)", ends)
    assert ready == 7
    assert not {"\x1b", "\r"} & set(console.text)


def test_a_second_one_on_the_same_data_is_refused(console):
    assert "already running" in RunningConsole(console.var_dir, "--no-sandbox").refusal()


def test_a_busy_port_is_named_before_anything_is_started(console, tmp_path):
    other = RunningConsole(tmp_path / "var", "--no-sandbox")
    other.port = console.port
    assert re.search(f"Port {console.port} .*already in use.*PORT=", other.refusal())
    assert not (tmp_path / "var" / "console.sqlite3").exists()


def test_a_busy_sandbox_port_is_named_too(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = RunningConsole(tmp_path)
        other.sandbox_port = taken.getsockname()[1]
        assert "SANDBOX_PORT=" in other.refusal()


def test_the_clock_ticks_and_the_worker_takes_the_ticks(console):
    with redis.Redis(unix_socket_path=str(console.var_dir / "redis" / "redis.sock")) as client:
        before = client.info("stats")["total_commands_processed"]
        assert wait_for(lambda: client.info("stats")["total_commands_processed"] > before + 20)
        assert client.llen("polling") <= 2


def test_the_worker_lets_the_next_tick_come_once_it_has_begun_one(console):
    path, waits = console.var_dir / "redis" / "redis.sock", "console:waits:workspaces.tasks.poll_due"
    with redis.Redis(unix_socket_path=str(path)) as client, kombu.Connection(broker_url(f"unix://{path}")) as broker:
        client.set(waits, 1)  # for ever, unless a worker takes it away
        app.send_task("workspaces.tasks.poll_due", queue="polling", connection=broker)
        assert wait_for(lambda: client.ttl(waits) != -1)


@pytest.mark.parametrize("word", ["granian", "config beat", "config worker", "valkey-server"])
def test_what_dies_is_started_again_and_said(console, word):
    victim = child(console, word)
    victim.kill()
    victim.wait(5)
    assert wait_for(lambda: [p for p in family(console) if runs(p, word) and p.pid != victim.pid])
    assert wait_for(lambda: "exited (signal SIGKILL); restarting" in console.text)
    assert wait_for(lambda: answers(console))


def test_a_web_server_that_lives_and_does_not_answer_is_started_again(console):
    web = child(console, "granian")
    stopped = [web, *web.children(recursive=True)]
    for process in stopped:
        process.suspend()
    assert wait_for(lambda: "isn't responding to /healthz; stopping it" in console.text, 40)
    assert wait_for(lambda: answers(console))
    assert survivors(stopped) == []


def answers(console):
    try:
        return get(f"{console.url}/readyz")["status"] == "ok"
    except (urllib.error.URLError, OSError):
        return False


def test_nobody_else_can_read_its_data(console):
    paths = [console.var_dir, *console.var_dir.rglob("*")]
    assert {"console.sqlite3", "secret_key", "encryption_key", "redis", "static", "up.lock"} <= {p.name for p in paths}
    assert [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077] == []


def test_a_backup_made_while_it_runs_is_a_console_elsewhere(console, manage, tmp_path):
    file, elsewhere = tmp_path / "backup.tar.gz", tmp_path / "elsewhere"
    made = manage("backup", file, VAR_DIR=console.var_dir)
    assert (made.returncode, made.stderr) == (0, "")
    assert manage("restore", file, VAR_DIR=elsewhere).returncode == 0
    for name in ("secret_key", "encryption_key"):
        assert (elsewhere / name).read_bytes() == (console.var_dir / name).read_bytes()
    assert rows(elsewhere) == rows(console.var_dir)


def rows(var_dir):
    """How many rows each table has, and the accounts."""
    with contextlib.closing(sqlite3.connect(var_dir / "console.sqlite3")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables}  # noqa: S608
        return counts, database.execute("SELECT * FROM workspaces_user").fetchall()


def test_it_ends_within_five_seconds_and_leaves_nothing_behind(console):
    started = family(console)
    assert len(started) >= 4
    begun = time.monotonic()
    assert console.stop(signal.SIGINT) == 0
    assert time.monotonic() - begun < 6
    assert survivors(started) == []


def test_a_second_start_keeps_the_account_and_makes_up_no_password(console):
    again = RunningConsole(console.var_dir, "--no-sandbox", CONSOLE_ADMIN_PASSWORD="", CONSOLE_ADMIN_EMAIL="")
    again.variables = {}
    again.start()
    again.stop()
    assert console.email in again.text
    assert "shown only now" not in again.text
    assert "the first start takes" not in again.text


def test_killed_outright_it_still_leaves_nothing_behind(console):
    running = RunningConsole(console.var_dir, "--no-sandbox")
    running.start()
    started = family(running)
    worker = child(running, "config worker")
    assert wait_for(lambda: handles_sigterm(worker))  # before, the kernel itself ends it
    worker.suspend()  # what it handles itself it no longer hears
    running.stop(signal.SIGKILL)
    assert wait_for(lambda: not survivors(started), 10), survivors(started)


def test_bad_settings_end_it_with_one_line_each(manage, tmp_path):
    answer = manage("up", VAR_DIR=tmp_path, PORT="http", TIME_ZONE="Vienna")
    assert answer.returncode == 1
    assert "PORT: Not a valid integer." in answer.stderr
    assert "TIME_ZONE: 'Vienna' is not a time zone" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_fresh_keys_are_good_settings(manage, tmp_path):
    settings = tmp_path / "settings"
    settings.write_text(manage("generate_keys").stdout + "DATABASE_URL=postgres://console@127.0.0.1:1/console\n")
    assert manage("check", ENV_FILE=settings, VAR_DIR=tmp_path).returncode == 0
