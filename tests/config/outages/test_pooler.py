"""A real pgbouncer in transaction mode between the console and PostgreSQL: it works, and so does its end."""

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import kombu
import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from config.celery import app, broker_url
from core import export
from tests.conftest import ROOT, clean_environment
from tests.console_process import free_port
from tests.wait import wait_until
from usage.history import views
from usage.models import BalanceReading
from workspaces.audit import chain
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, Heartbeat, Poll

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
CONFIG = """
[databases]
* = host={HOST} port={port} user={USER} password={PASSWORD}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


class Pooler:
    def __init__(self, folder):
        self.port = free_port()
        path = folder / "pgbouncer.ini"
        known = connection.settings_dict
        path.write_text(CONFIG.format(**known, port=known["PORT"] or 5432, listen=self.port))
        path.chmod(0o644)
        # It refuses to be root, as which containers often run tests.
        self.command = [PROGRAM, "-q", *(["-u", "nobody"] if os.getuid() == 0 else []), str(path)]

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.process.poll() is not None or self.listens())
        assert self.process.poll() is None

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def pooler(tmp_path):
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    server = Pooler(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def through_pooler(pooler, monkeypatch):
    """Have eight threads do something, whose connections lead through it."""

    def run(work):
        def alone(_):
            try:
                return work()
            finally:
                connection.close()

        with monkeypatch.context() as patched, ThreadPoolExecutor(8) as threads:
            patched.setitem(connections.settings["default"], "HOST", "127.0.0.1")
            patched.setitem(connections.settings["default"], "PORT", pooler.port)
            return list(threads.map(alone, range(24)))

    return run


def test_exports_come_in_pieces_through_a_pooler(workspace, through_pooler, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 7)
    moment = timezone.now()
    moments = [moment + timedelta(minutes=number // 2) for number in range(40)]
    BalanceReading.objects.bulk_create(
        BalanceReading(workspace=workspace, credits=number, first_read_at=at, read_at=at)
        for number, at in enumerate(moments)
    )

    def file():
        return "".join(export.csv_lines(views.EXPORTED, map(views._cells, views._readings(workspace))))

    files = set(through_pooler(file))
    (text,) = files
    assert [float(line.split(",")[2].strip('"')) for line in text.splitlines()[1:]] == list(range(40))


def test_the_audit_trail_is_verified_through_a_pooler(through_pooler, monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 3)
    for number in range(10):
        record_event(Action.AUDIT_PRUNED, CONSOLE, message=str(number))
    assert through_pooler(lambda: list(chain.verify())) == [[]] * 24


def test_any_cursor_of_the_orm_works_through_a_pooler(workspace, through_pooler):
    rows = Poll.objects.bulk_create(
        Poll(workspace=workspace, resource="weather", subject=str(number), interval_seconds=60) for number in range(9)
    )
    assert through_pooler(lambda: len(list(Poll.objects.iterator(chunk_size=2)))) == [len(rows)] * 24


def test_workers_share_leases_through_a_pooler(workspace, through_pooler):
    known = {"resource": "weather", "interval_seconds": 60, "next_run_at": timezone.now()}
    Poll.objects.bulk_create(Poll(workspace=workspace, subject=str(number), **known) for number in range(60))

    def take_some():
        polls = Poll.objects.lease(5, 30)
        for poll in polls:
            poll.next_run_at = timezone.now() + timedelta(hours=1)
        return Poll.objects.give_back(polls)

    assert sum(through_pooler(take_some)) == 60


def test_an_outage_of_the_database_is_one_line_of_a_worker(pooler, redis, tmp_path, workspace):
    known = connection.settings_dict
    url = f"postgres://{known['USER']}:{known['PASSWORD']}@127.0.0.1:{pooler.port}/{known['NAME']}"
    environment = clean_environment(
        VAR_DIR=tmp_path / "var",
        PYTHONPATH=ROOT,
        SECRET_KEY=settings.SECRET_KEY,
        ENCRYPTION_KEYS=settings.ENCRYPTION_KEYS[0],
        DATABASE_URL=url,
        REDIS_URL=settings.REDIS_URL,
    )
    command = ["celery", "--quiet", "-A", "config", "worker", "--pool", "threads", "--concurrency", "2"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: Heartbeat.objects.filter(kind="worker").exists(), 60)
        pooler.stop()
        with kombu.Connection(broker_url(settings.REDIS_URL)) as broker:
            for _ in range(20):
                for task in ("workspaces.tasks.poll_due", "alerts.tasks.send_notifications"):
                    app.send_task(task, connection=broker)
        wait_until(lambda: not redis.llen("polling") and not redis.llen("alerts"))
        wait_until(lambda: "what=database" in log.read_text())
        pooler.start()
        Heartbeat.objects.all().delete()
        wait_until(lambda: Heartbeat.objects.filter(kind="worker").exists())
        assert worker.poll() is None
        lines = [line for line in log.read_text().splitlines() if "20" in line[:3]]
        assert [line.count("what=database") for line in lines] == [1]
        assert "Traceback" not in log.read_text()
    finally:
        worker.kill()
        worker.wait()
