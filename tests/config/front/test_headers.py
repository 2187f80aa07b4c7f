"""The headers that bind the browser, on every kind of answer."""

import re

import pytest

from config.web.headers import HEADERS, OF_PARTS
from tests.broken_database import UNREADABLE, sessions_table_missing, unreadable_session
from tests.config.front import cookies
from tests.config.front.sockets import FORM, SILENT, connect, get, read_response, send_request

KINDS = {
    "a page": (200, "GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a static file": (200, "GET /static/favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a probe": (200, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "readiness": (200, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a slash too few": (301, "GET /accounts/login HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "sign in first": (302, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "another host": (400, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
    "two hosts": (400, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"),
    "no token": (403, FORM + "Content-Length: 0\r\n\r\n"),
    "Page not found": (404, "GET /static/no-such-file.css HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "too slow": (408, SILENT),
    "too large": (413, FORM + "Content-Length: 9999999\r\n\r\n"),
    "a long address": (414, "GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "long headers": (431, "GET / HTTP/1.1\r\nHost: localhost\r\nA: " + "a" * 20_000 + "\r\n\r\n"),
}


def assert_bound(headers):
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert not {name for name in headers if len(headers.get_all(name)) > 1 and name.lower() != "set-cookie"}
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_answer_carries_them(port, kind):
    expected, text = KINDS[kind]
    status, headers, _ = send_request(port, text)
    assert status == expected
    assert_bound(headers)


@pytest.mark.parametrize("kind", ["css", "js"])
def test_style_sheets_and_scripts_carry_only_those_that_bind_them(port, kind):
    _, _, page = get(port, "/accounts/login/")
    url = re.search(rf'"(/static/[^"]+\.{kind})"', page.decode())[1]
    status, headers, _ = get(port, url)
    assert status == 200
    assert {name: headers[name] for name in OF_PARTS} == OF_PARTS
    of_documents = ("Content-Security-Policy", "Permissions-Policy", "X-Frame-Options")
    assert not [name for name in of_documents if name in headers]


def test_a_file_that_the_browser_has_carries_them(port):
    _, headers, _ = get(port, "/static/favicon.svg")
    status, headers, _ = get(port, "/static/favicon.svg", f"If-Modified-Since: {headers['Last-Modified']}")
    assert status == 304
    assert_bound(headers)


@pytest.mark.parametrize(("status", "breaking"), [(500, unreadable_session), (503, sessions_table_missing)])
def test_errors_of_our_own_carry_them(running, status, breaking):
    with breaking(running.var_dir / "console.sqlite3"):
        answered, headers, body = get(running.port, "/", f"Cookie: sessionid={UNREADABLE}")
    assert answered == status
    assert b"Traceback" not in body
    assert "Set-Cookie" not in headers
    assert_bound(headers)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_methods_carry_them(port, method):
    with connect(port, f"{method} /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n") as friend:
        assert_bound(read_response(friend, method)[1])


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [("/" + "a" * 70_000, "A: b", 414), ("/", "\r\n".join(f"A{n}: b" for n in range(101)), 431)],
)
def test_what_the_web_server_refuses_itself_has_no_body_that_could_need_them(port, path, header, status):
    answered, headers, body = get(port, path, header)
    assert (answered, body) == (status, b"")
    assert "Content-Type" not in headers


def test_cookies_over_http_are_read_by_no_script_but_the_one_that_scripts_send_back(embedded):
    cookies.assert_bound(cookies.set_at_sign_in(embedded.url), prefix="")
