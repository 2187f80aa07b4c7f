import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils import timezone
from playwright.sync_api import sync_playwright

from config.web import style_page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
TOAST = '{"toast": {"level": "ok", "text": "Read again."}}'


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


class DesignPage(BaseHTTPRequestHandler):
    """Serves the style page under the strict policy, its static files, and two answers for htmx."""

    def do_GET(self):
        if self.path.startswith("/static/"):
            path = finders.find(self.path.removeprefix("/static/").partition("?")[0])
            self.answer(Path(path).read_bytes(), guess_type(path)[0])
        elif self.path == "/fragment":
            self.answer(b"fresh", extra={"HX-Trigger": TOAST})
        elif self.path == "/refused":
            self.answer(b"", status=429)
        else:
            context = {"form": style_page.SampleForm(), **style_page.samples(timezone.now())}
            self.answer(render_to_string("config/design.html", context).encode())

    def answer(self, body, kind="text/html; charset=utf-8", status=200, extra=()):
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(body), "Content-Security-Policy": POLICY, **dict(extra)}
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="package")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), DesignPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="package")
def chromium(address):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """Open the style page; ``before`` is a script that runs first. The test fails if the browser complains."""
    context = chromium.new_context(
        base_url=address, timezone_id="Europe/Vienna", permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(5000)
    complaints = []

    def open_design(before=""):
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Policy" in message.text else None)
        page.add_init_script(before)
        page.goto("/")
        return page

    yield open_design
    context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    return open_page()
