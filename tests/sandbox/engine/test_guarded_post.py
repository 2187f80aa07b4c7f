import asyncio
import contextlib
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.webhooks import guarded_post
from sandbox.webhooks.guarded_post import AllowedTargets, UrlRefused

LOOPBACK = AllowedTargets(loopback=True)


def post(url, targets=LOOPBACK, seconds=2.0, **options):
    return asyncio.run(guarded_post.post_json(url, b"{}", targets, seconds, **options))


@contextmanager
def tcp_server(respond):
    """A raw TCP server that passes each connection to `respond`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                respond(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def responding_with(text):
    def respond(connection):
        connection.recv(65536)
        connection.sendall(text.encode())

    return tcp_server(respond)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.8/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.8]/hook",
        "https://[64:ff9b::a00:8]/hook",
        "https://2130706433/hook",
        "https://127.1/hook",
        "https://224.0.0.1/hook",
        "https://user@example.com/hook",
        "https://example.com:99999/hook",
        "https:///hook",
        "ftp://example.com/",
        "https://exa mple.com/",
        "https://[bad/",
        "",
    ],
)
def test_only_public_https_urls_are_allowed(url):
    with pytest.raises(UrlRefused, match="webhook_url"):
        guarded_post.check_url(url, AllowedTargets())


@pytest.mark.parametrize("url", ["https://example.com/hook", "https://8.8.8.8:8443/hook?a=b"])
def test_public_https_urls_are_allowed(url):
    guarded_post.check_url(url, AllowedTargets())


def test_loopback_urls_are_allowed_if_configured():
    guarded_post.check_url("http://127.0.0.1:9/hook", LOOPBACK)
    guarded_post.check_url("http://127.0.0.1:9/hook", AllowedTargets(own_ports=frozenset({9})))
    for url, targets in [
        ("http://127.0.0.1:8/hook", AllowedTargets(own_ports=frozenset({9}))),
        ("http://10.0.0.8/hook", LOOPBACK),
        ("https://10.0.0.8/hook", LOOPBACK),
    ]:
        with pytest.raises(UrlRefused):
            guarded_post.check_url(url, targets)


def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(monkeypatch):
    async def rebound(_loop, _host, port, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
    respond = post("https://innocent.example.com/hook")
    assert respond.error_message == (
        "Refused to connect: innocent.example.com resolves to 10.0.0.8, which is not a public address"
    )


@pytest.mark.parametrize("status", [200, 204])
def test_any_2xx_acknowledges(status):
    with responding_with(f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n") as port:
        respond = post(f"http://127.0.0.1:{port}/hook")
    assert (respond.acknowledged, respond.status_code, respond.error_message) == (True, status, None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "HTTP 500 Internal Server Error"),
        (404, "HTTP 404 Not Found"),
        (799, "HTTP 799"),
        (302, "HTTP 302 Found: redirects are not followed"),
    ],
)
def test_every_other_status_is_a_failure_with_its_phrase(status, words):
    head = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with responding_with(head) as port:
        respond = post(f"http://127.0.0.1:{port}/hook")
    assert (respond.status_code, respond.error_message) == (status, words)


def test_no_response_is_a_time_out():
    done = threading.Event()
    with tcp_server(lambda _connection: done.wait(5)) as port:
        respond = post(f"http://127.0.0.1:{port}/hook", seconds=0.3)
        done.set()
    assert respond.error_message == "Connection timed out: no answer within 0.3 s"


def test_a_response_that_trickles_is_a_time_out():
    done = threading.Event()

    def drip(connection):
        with contextlib.suppress(ConnectionError):  # who waited has hung up
            while not done.wait(0.05):
                connection.sendall(b"H")

    with tcp_server(drip) as port:
        respond = post(f"http://127.0.0.1:{port}/hook", seconds=0.3)
        done.set()
    assert not respond.acknowledged
    assert respond.duration_ms < 2000


def test_a_port_without_a_listener_is_connection_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/hook").error_message == "Connection refused"


def test_an_unknown_host_name_is_a_dns_error():
    respond = post("https://no-such-host.invalid/hook", seconds=10)
    assert respond.error_message == "DNS error: the host name could not be resolved"


def test_plain_text_behind_https_is_a_tls_error():
    with responding_with("HTTP/1.1 200 OK\r\n\r\n") as port:
        respond = post(f"https://127.0.0.1:{port}/hook")
    assert respond.error_message.startswith("TLS error: ")


@pytest.mark.parametrize("text", ["", "nonsense\r\n\r\n"])
def test_a_response_that_is_not_http_has_an_error_message(text):
    with responding_with(text) as port:
        respond = post(f"http://127.0.0.1:{port}/hook")
    assert respond.error_message == "Connection closed without a valid HTTP answer"


class Acknowledging(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def https_receiver(certificate):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Acknowledging)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_self_signed_certificate_is_not_accepted(certificate):
    with https_receiver(certificate) as url:
        respond = post(url)
    assert respond.error_message == "TLS error: certificate not accepted: self-signed certificate"


def test_a_trusted_certificate_is_accepted(certificate):
    with https_receiver(certificate) as url:
        respond = post(url, ssl_context=ssl.create_default_context(cafile=certificate))
    assert respond.acknowledged
