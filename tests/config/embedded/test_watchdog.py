"""The supervisor's watch: what counts as not answering."""

import http.server
import socket
import threading

import pytest

from config.embedded import processes
from config.embedded.processes import STARTING_TRIES, WATCH_TRIES, Process, Watchdog
from tests.console_process import free_port


class Watched(Process):
    killed = 0

    def kill_group(self):
        self.killed += 1


@pytest.fixture
def process():
    watched = Watched("web", [])
    watched.running = object()
    return watched


@pytest.fixture
def server():
    """Answers every second question with an error, as a server does now and then."""

    class Handler(http.server.BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200 if Handler.asked % 2 else 500)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def look(watching, times):
    for _ in range(times):
        watching.look()


def test_a_server_gets_time_to_start(process):
    watching = Watchdog(process, "127.0.0.1", free_port())
    look(watching, STARTING_TRIES - 1)
    assert process.killed == 0
    watching.look()
    assert process.killed == 1


def test_a_server_that_answered_and_then_stops_is_killed_after_some_tries(process, server):
    watching = Watchdog(process, *server.server_address)
    watching.look()
    watching._address = ("127.0.0.1", free_port())
    look(watching, WATCH_TRIES - 1)
    assert process.killed == 0
    watching.look()
    assert process.killed == 1


def test_a_question_without_an_answer_now_and_then_is_forgiven(process, server):
    look(Watchdog(process, *server.server_address), 3 * WATCH_TRIES)
    assert process.killed == 0


def test_the_next_process_gets_time_to_start_too(process, server):
    watching = Watchdog(process, *server.server_address)
    watching.look()
    process.running = object()
    watching._address = ("127.0.0.1", free_port())
    look(watching, WATCH_TRIES + 1)
    assert process.killed == 0


def test_a_server_that_accepts_and_says_nothing_does_not_answer(process, monkeypatch):
    monkeypatch.setattr(processes, "WATCH_SECONDS", 0.1)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent:
        look(Watchdog(process, *silent.getsockname()), STARTING_TRIES)
    assert process.killed == 1
