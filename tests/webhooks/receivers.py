"""Real receivers of webhooks on loopback, good and bad, each on its own port."""

import json
import ssl
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sandbox.process import SHARED, SandboxProcess


def answering(status, location="", page=b""):
    """A handler that takes the webhook and answers with ``status``, and a page if there is one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    return Handler


def remembering(seen, status_of=lambda _: 200):
    """A handler that notes each webhook in ``seen`` and answers it with ``status_of`` it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.status = status_of(self)
            seen.append(self)
            self.send_response(self.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


class Hanging(BaseHTTPRequestHandler):
    """Takes the webhook and says nothing until the sender hangs up."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.connection.recv(1)

    def log_message(self, *_):
        pass


class HangingUp(BaseHTTPRequestHandler):
    """Takes the webhook and hangs up without an answer."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.close_connection = True

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Senders hang up in the middle, as they should."""


@contextmanager
def receiver(handler, certificate=None):
    """Serve ``handler``, over TLS with a ``certificate`` file; gives the URL."""
    with _Server(("127.0.0.1", 0), handler) as server:
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}/hook"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def all_receivers(certificate):
    """Open one receiver of each kind; gives their URLs by kind, with one where nobody listens and one without name."""
    with ExitStack() as stack:
        urls = {
            "works": stack.enter_context(receiver(answering(200))),
            "broken": stack.enter_context(receiver(answering(500))),
            "missing": stack.enter_context(receiver(answering(404))),
            "moved": stack.enter_context(receiver(answering(301, "https://elsewhere.example.test/"))),
            "hangs": stack.enter_context(receiver(Hanging)),
            "hangs_up": stack.enter_context(receiver(HangingUp)),
            "wrong_certificate": stack.enter_context(receiver(answering(200), certificate)),
            "nameless": "https://there-is-no-such-host.invalid/hook",
        }
        with receiver(answering(200)) as closed:
            pass
        yield {**urls, "closed_port": closed}


@contextmanager
def quick_sandbox(data_dir):
    """The real sandbox without rate limits, whose waits and time-outs are a tenth of upstream's."""
    with SandboxProcess(data_dir, *SHARED, "--allow-local-webhooks", "--webhook-pace", "0.1") as process:
        yield process
