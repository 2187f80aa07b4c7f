"""Requests as bytes on real sockets, as strangers send them."""

import contextlib
import http.client
import socket
import time

HEAD = "POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={token}\r\n"
FORM = HEAD.format(token="a" * 32) + "Content-Type: application/x-www-form-urlencoded\r\n"
SILENT = FORM + "Content-Length: 1000\r\n\r\nab"
CHUNKED = FORM + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"


def connect(port, text):
    stranger = socket.create_connection(("127.0.0.1", port), timeout=10)
    stranger.sendall(text.encode("latin-1"))
    return stranger


@contextlib.contextmanager
def open_connections(port, number, text):
    """So many connections that each sent ``text`` and nothing more."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(port, text)) for _ in range(number)]


def read_response(connection, method="GET"):
    """Read one answer: its status, headers and body."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def send_request(port, text):
    with connect(port, text) as stranger:
        return read_response(stranger, text.split()[0])


def get(port, path, *headers):
    return send_request(
        port, "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""])
    )


def seconds_for(port, path):
    begun = time.monotonic()
    status, _, body = get(port, path)
    assert status == 200, body
    return time.monotonic() - begun
