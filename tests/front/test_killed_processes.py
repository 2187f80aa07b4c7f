"""One of the web server's processes that is killed, as by a machine that runs out of memory."""

import os
import signal
from pathlib import Path

import httpx

from tests.waiting import wait_until


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
