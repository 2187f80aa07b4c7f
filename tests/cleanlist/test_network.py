"""Real sockets that misbehave: nothing listens, no response comes, the connection drops, bytes trickle."""

import asyncio
import socketserver
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from cleanlist import ApiKeyCredential, AsyncClient, ClerkSession, Connections, Timeouts, errors

SHORT_TIMEOUTS = Timeouts(connect=1, read=0.3, total=0.6)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def server(behave):
    """Serve on a free port; `behave(socket, stopped)` runs once a request has come in."""
    stopped, seen = threading.Event(), []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            seen.append(self.request.recv(65_536))
            behave(self.request, stopped)

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", seen
        finally:
            stopped.set()
            listening.shutdown()
            thread.join()


def hang(connection, stopped):
    stopped.wait(5)


def drop(connection, stopped):
    pass


def drop_midway(connection, stopped):
    connection.sendall(HEAD + b"[")


def babble(connection, stopped):
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")


def trickle(connection, stopped):
    drip(connection, stopped, HEAD, b" ")


def trickle_headers(connection, stopped):
    drip(connection, stopped, b"HTTP/1.1 200 OK\r\nx-slow: ", b"x")


def drip(connection, stopped, start, piece):
    try:
        connection.sendall(start)
        while not stopped.wait(0.05):
            connection.sendall(piece)
    except OSError:
        pass


def create(client):
    return client.api_keys.create("ci")


def read(client):
    return client.api_keys.list()


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (hang, errors.TimedOut),
        (drop, errors.ConnectionFailed),
        (drop_midway, errors.ConnectionFailed),
        (babble, errors.ConnectionFailed),
        (trickle, errors.TimedOut),
        (trickle_headers, errors.TimedOut),
    ],
)
def test_a_create_without_a_proper_response_may_have_taken_effect(run_call, behave, kind):
    with server(behave) as (url, seen):
        started = time.monotonic()
        with pytest.raises(kind) as caught:
            run_call(None, create, url=url, timeouts=SHORT_TIMEOUTS)
        took = time.monotonic() - started

    assert caught.value.outcome_unknown
    assert took < 1.5
    assert len(seen) == 1


def test_a_create_that_could_not_connect_had_no_effect(run_call):
    with server(drop) as (url, _):
        pass  # nothing listens there any more

    with pytest.raises(errors.ConnectionFailed, match=r"No connection to [\w.:]+: Connection refused$") as caught:
        run_call(None, create, url=url)

    assert not caught.value.outcome_unknown


def test_an_unknown_host_is_named(run_call, monkeypatch):
    with pytest.raises(errors.ConnectionFailed, match=r"No connection to no-such-host\.invalid") as caught:
        run_call(None, create, url="http://no-such-host.invalid")

    assert not caught.value.outcome_unknown
    assert "Errno" not in str(caught.value)


def test_the_total_time_bounds_all_retries_together(run_call):
    with server(hang) as (url, seen):
        started = time.monotonic()
        with pytest.raises(errors.TimedOut):
            run_call(None, read, url=url, timeouts=SHORT_TIMEOUTS, retries=9)
        took = time.monotonic() - started

    assert took < 1
    assert len(seen) >= 2


def set_a_cookie(connection, stopped):
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nset-cookie: sid=1; Path=/\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    )


async def ask_with_two_keys(url):
    async with Connections() as shared:
        for letter in "ab":
            credential = ApiKeyCredential("clapi_" + letter * 64)
            async with AsyncClient(url, credential, connections=shared, retries=0) as client:
                with suppress(errors.CleanlistError):
                    await client.credits.balance()


def test_a_cookie_set_for_one_client_is_not_sent_by_another_over_shared_connections():
    with server(set_a_cookie) as (url, seen):
        asyncio.run(ask_with_two_keys(url.replace("127.0.0.1", "localhost")))  # numbers never get cookies
    assert [b"a" * 64 in seen[0], b"b" * 64 in seen[1]] == [True, True]
    assert b"cookie" not in seen[1].lower()


async def ask_with_session(url, connections):
    session = ClerkSession(url, "sess_1", "client")
    async with AsyncClient(url, session, connections=connections, retries=0) as client:
        return await client.whoami()


def mint_and_answer(connection, stopped):
    body = b'{"jwt": "minted", "organization_id": "org_1"}'
    while True:
        connection.sendall(HEAD.replace(b"1000", b"%d" % len(body)) + body)
        if not connection.recv(65_536):
            return


def test_tokens_are_minted_over_the_shared_connections():
    async def ask():
        async with Connections() as shared:
            return await ask_with_session(url, shared)

    with server(mint_and_answer) as (url, seen):
        assert asyncio.run(ask()).organization_id == "org_1"
    assert len(seen) == 1
