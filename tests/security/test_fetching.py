"""The console fetches only what its operator listed, whatever people type and whatever upstream answers."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client

from cleanlist import checked_base_url
from tests.fixtures import API_KEY
from workspaces import services
from workspaces.credentials.clients import AddressNotAllowed, check_api_origin
from workspaces.models import Workspace

from .sign_in import sign_in

pytestmark = pytest.mark.django_db
TRICKS = [
    "https://evil.test",
    "https://api.cleanlist.ai@evil.test",
    "https://api.cleanlist.ai:443@evil.test",
    "https://api.cleanlist.ai%40evil.test",
    "https://api.cleanlist.ai\\@evil.test",
    "https://api.cleanlist.ai#@evil.test",
    "https://api.cleanlist.ai?@evil.test",
    "https://api.cleanlist.ai.evil.test",
    "https://api.cleanlist.ai.",
    "https://evil.test/https://api.cleanlist.ai",
    "https://api.cleanlist.ai:8443",
    "http://api.cleanlist.ai",
    "https://xn--api-cleanlist-ai.test",
    "https://аpi.cleanlist.ai",  # noqa: RUF001 - the first letter is Cyrillic
    "https://api。cleanlist。ai.evil.test",
    "https://127.0.0.1",
    "https://localhost",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://2130706433",
    "https://0x7f.1",
    "https://0",
    "https://169.254.169.254/latest/meta-data",
    "https://[fd00:ec2::254]",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://api.cleanlist.ai",
    "//api.cleanlist.ai",
    "https:api.cleanlist.ai",
    "https:///api.cleanlist.ai",
    "https://",
    "",
    "https://api.cleanlist.ai\r\nHost: evil.test",
    "https://api.cleanlist.ai\t.evil.test",
    " https://evil.test",
    "https://[",
    "https://api.cleanlist.ai:99999",
]


class Server:
    """Answers every call with one redirect, or counts it."""

    def __init__(self, location=""):
        calls = self.calls = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                calls.append(self.path)
                self.send_response(307 if location else 200)
                self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = answer  # noqa: N815 - the standard library's names

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.mark.parametrize("address", TRICKS)
def test_credentials_go_to_no_address_that_only_looks_like_a_listed_one(address):
    with pytest.raises((AddressNotAllowed, ValueError)):
        check_api_origin(checked_base_url(address))


@pytest.mark.parametrize(
    "address", ["https://api.cleanlist.ai", "HTTPS://API.CLEANLIST.AI", "https://api.cleanlist.ai/"]
)
def test_the_listed_address_is_taken_however_it_is_written(address):
    check_api_origin(checked_base_url(address))


@pytest.mark.parametrize("address", TRICKS)
def test_the_forms_refuse_them_with_a_word_and_call_nobody(owner, workspace, address):
    browser = sign_in(Client(raise_request_exception=False), owner)
    details = {"name": "Example Works", "base_url": address}
    session = {"session_kind": "clerk", "frontend_api_url": address, "session_id": "sess_x", "client_token": "x" * 40}
    for path, form in (
        ("/w/connect/", {**details, "api_key": API_KEY, "session_kind": "none"}),
        ("/w/connect/test/", {**details, **session}),
        (f"/w/{workspace.slug}/settings/details/", details),
        (f"/w/{workspace.slug}/settings/session/", session),
    ):
        assert browser.post(path, form).status_code == 422
    assert Workspace.objects.get().base_url == workspace.base_url


def test_a_redirect_is_not_followed_and_no_credential_leaves_by_it(workspace, owner, settings):
    with Server() as evil, Server(location=evil.url) as listed:
        settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, listed.url]
        Workspace.objects.update(base_url=listed.url)
        workspace.refresh_from_db()
        for resource in ("balance", "keys"):
            services.refresh(workspace, resource)
        assert listed.calls
        assert not evil.calls


def test_an_address_that_the_operator_took_off_the_list_is_called_no_more(world, settings):
    settings.CLEANLIST_API_ORIGINS = ["https://api.cleanlist.ai"]
    browser = sign_in(Client(), world.people["owner"])
    for path in ("refresh/balance/", "refresh/keys/", f"keys/{world.key.key_id}/revoke/"):
        browser.post(f"/w/example-works/{path}")
    assert not world.upstream.calls
