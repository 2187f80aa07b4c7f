"""The webhook receivers of the demo: real ones on a loopback port, working and broken."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"

# Longer than the 10 seconds that a webhook waits, so that `/hangs` is a time-out.
HANG_SECONDS = 12.0

STATUS_BY_PATH = {"/works": 200, "/recovered": 200, "/broken": 500, "/missing": 404}


class WebhookReceivers:
    """Listens from construction on, with the paths `/works`, `/recovered`, `/broken`, `/missing`, `/hangs`."""

    def __init__(self, preferred_port: int = 0) -> None:
        self._stopping = threading.Event()
        self._server = _listen(preferred_port)
        self._server.stopping = self._stopping
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="sandbox-receivers")

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and release senders that are kept waiting."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def url(self, name: str) -> str:
        """Return the URL of one of the receivers."""
        return f"http://{HOST}:{self.port}/{name}"


class _Server(ThreadingHTTPServer):
    """Threads are daemons, so a hanging receiver does not hold up the end of the process."""

    stopping: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: senders that time out close their connection, as they should."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Receive a webhook."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/hangs":
            self.server.stopping.wait(HANG_SECONDS)
            return
        self.send_response(STATUS_BY_PATH.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: deliveries have a log of their own."""


def _listen(preferred_port: int) -> _Server:
    """Use the port of the last start if it is free, so that the URLs in the log stay valid."""
    try:
        return _Server((HOST, preferred_port), _Handler)
    except OSError:
        return _Server((HOST, 0), _Handler)
