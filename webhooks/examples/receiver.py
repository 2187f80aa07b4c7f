"""Receives Cleanlist webhooks: python receiver.py 8443 /var/lib/results. Put it behind your HTTPS proxy.

When you start an enrichment, create <folder>/<workflow_id>.started; its result becomes <folder>/<workflow_id>.json.
"""

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[2])
MOST_BYTES = 20_000_000


class Receiver(BaseHTTPRequestHandler):
    """Answers each webhook."""

    def do_POST(self) -> None:
        """Store a result that is new and ours."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MOST_BYTES:
            return self.answer(413)
        body = self.rfile.read(length)
        if "X-Cleanlist-Console-Test" in self.headers:
            return self.answer(204)  # somebody checks this endpoint: say yes, do nothing
        try:
            workflow_id = str(json.loads(body)["workflow_id"])
        except (ValueError, KeyError, TypeError):
            return self.answer(400)
        # Webhooks are not signed, so anybody can send one. What counts is that you started this workflow.
        # A webhook may be quicker than your own note of it: it is sent again after a 404, a second later.
        if not re.fullmatch(r"[\w-]{1,200}", workflow_id) or not (FOLDER / f"{workflow_id}.started").exists():
            return self.answer(404)
        self.keep(workflow_id, body)
        return self.answer(200)  # at once; the work on the result comes afterwards

    def keep(self, workflow_id: str, body: bytes) -> None:
        """Store the result once, however often it comes: the same workflow can be delivered again."""
        draft = FOLDER / f"{workflow_id}.{os.urandom(8).hex()}"
        draft.write_bytes(body)
        try:
            os.link(draft, FOLDER / f"{workflow_id}.json")  # all or nothing, and only the first time
            print("new result of", workflow_id, flush=True)  # here your work on it begins
        except FileExistsError:
            print("had the result of", workflow_id, flush=True)
        finally:
            draft.unlink()

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
