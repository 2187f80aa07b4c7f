"""Processes of the web server that are killed, as by a machine that runs out of memory."""

import os
import signal
import socket
from pathlib import Path

import httpx
from django.conf import settings

from tests.console_process import ProductionWeb
from tests.wait import wait_until


def processes_of(server):
    """Those that answer; Python may keep one more, for what they share."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return {int(pid) for pid in children if "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()}


def test_it_is_started_anew_and_the_others_go_on(production):
    before = processes_of(production.process)
    assert len(before) == 2
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in processes_of(production.process))
    assert httpx.get(f"{production.url}/healthz").status_code == 200
    wait_until(lambda: len(processes_of(production.process) - {killed}) == 2)
    assert before & processes_of(production.process)
    assert production.process.poll() is None


def test_with_the_first_one_all_end_so_that_another_can_start(tmp_path, tables, redis_server):
    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server.port)) == 0

    with ProductionWeb(tmp_path, tables=tables, REDIS_URL=settings.REDIS_URL) as server:
        assert len(processes_of(server.process)) == 2
        wait_until(lambda: httpx.get(f"{server.url}/healthz").status_code == 200)
        server.process.kill()
        wait_until(lambda: not listens())
