"""Processes of the web server that are killed, as by a machine that runs out of memory."""

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
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


def lives(pid):
    """Whether there is such a process; one that has ended may wait for who takes notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("moment", ["both start", "both import", "one serves"])
def test_with_the_first_one_all_end_so_that_another_can_start(tmp_path, tables, redis_server, moment):
    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server.port)) == 0

    def are_at(module):
        return all(module in Path(f"/proc/{pid}/maps").read_text() for pid in workers)

    with ProductionWeb(tmp_path, tables=tables, REDIS_URL=settings.REDIS_URL) as server:
        wait_until(lambda: len(processes_of(server.process)) == 2)
        workers = processes_of(server.process)
        if moment == "both import":
            wait_until(lambda: are_at("_brotli"))  # Django is being set up, with all its middleware to come
        if moment == "one serves":
            wait_until(lambda: httpx.get(f"{server.url}/healthz").status_code == 200)
        server.process.kill()
        wait_until(lambda: not listens())
        wait_until(lambda: not [pid for pid in workers if lives(pid)], 20)
