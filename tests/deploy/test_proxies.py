"""The examples in deploy/, as they are shipped, in front of the real console over TLS."""

import re
import socket
import time

import httpx
import pytest

from tests.config.front import cookies
from tests.config.front.sockets import read_response
from tests.console_process import RunningConsole
from tests.deploy.conftest import BODY_SECONDS
from tests.wait import wait_until

FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X_Forwarded_For": "203.0.113.9"}


@pytest.fixture
def browser(proxy, https_port, authority):
    transport = httpx.HTTPTransport(verify=authority.context(), local_address="127.0.0.2")
    with httpx.Client(transport=transport, base_url=f"https://localhost:{https_port}") as client:
        yield client


def sign_in(browser, **headers):
    form = browser.get("/accounts/login/", headers=headers)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)[1]
    fields = {"login": RunningConsole.email, "password": RunningConsole.password, "csrfmiddlewaretoken": token}
    origin = {"Origin": str(browser.base_url).rstrip("/")}
    return browser.post("/accounts/login/", data=fields, headers={**origin, **headers})


def log_line(console, path):
    """What the console's log says of the request of ``path``."""
    wait_until(lambda: path in console.log.read_text())
    return next(line for line in console.log.read_text().splitlines() if path in line)


def test_people_sign_in_through_it_over_https(browser):
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert all("Secure" in cookie for cookie in answer.headers.get_list("Set-Cookie"))
    assert browser.get("/").status_code in {200, 302}
    assert browser.get("/accounts/login/").headers["Location"] == "/"


def test_cookies_are_bound_to_https_and_this_host(console, https_port):
    address = f"localhost:{https_port}"
    as_proxy = {"Host": address, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    found = cookies.set_at_sign_in(console.url, **as_proxy, Origin=f"https://{address}")
    cookies.assert_bound(found, prefix="__Host-")


def test_the_console_learns_where_people_are(browser, console, proxy):
    browser.get(f"/asked-through-{proxy}/")
    assert "ip=127.0.0.2" in log_line(console, f"/asked-through-{proxy}/")


def test_what_strangers_write_into_the_forwarded_headers_is_not_believed(browser, console, proxy):
    answer = sign_in(browser, **FORWARDED)
    assert answer.status_code == 302  # with http believed it would have been a redirect to https
    assert browser.get(f"/spoofed-through-{proxy}/", headers=FORWARDED).status_code == 404
    line = log_line(console, f"/spoofed-through-{proxy}/")
    assert "ip=127.0.0.2" in line
    assert "203.0.113.9" not in line


def test_a_slow_body_does_not_reach_the_console(proxy, https_port, authority):
    """The console would give up after BODY_SECONDS; that it does not shows that it got the request late and whole."""
    head = f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost:{https_port}\r\nContent-Length: 1000\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", https_port), timeout=10) as plain,
        authority.context().wrap_socket(plain, server_hostname="localhost") as stranger,
    ):
        stranger.sendall(head.encode() + b"ab")
        stranger.settimeout(2 * BODY_SECONDS)
        with pytest.raises(TimeoutError):
            stranger.recv(1)
        stranger.settimeout(10)
        stranger.sendall(b"a" * 998)
        status, headers, _ = read_response(stranger, "POST")
    assert status == 403
    assert headers["X-Frame-Options"] == "DENY"  # it is the console's own answer


def test_what_is_too_large_is_refused(browser):
    assert browser.post("/accounts/login/", content=b"a" * 1_100_000).status_code == 413
    assert browser.get("/", headers={"A": "a" * 40_000}).status_code in {400, 431}


def test_many_slow_strangers_keep_nobody_waiting(proxy, https_port, authority, browser):
    head = f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost:{https_port}\r\nContent-Length: 1000\r\n\r\nab".encode()
    strangers = []
    for _ in range(40):
        plain = socket.create_connection(("127.0.0.1", https_port), timeout=10)
        strangers.append(authority.context().wrap_socket(plain, server_hostname="localhost"))
        strangers[-1].sendall(head)
    begun = time.monotonic()
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/accounts/login/").status_code == 200
    assert time.monotonic() - begun < 2
    for stranger in strangers:
        stranger.close()
