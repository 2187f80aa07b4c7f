"""A web process that serves a hostile request goes on answering everybody else."""

import contextlib
import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

HEALTHY = 0.2  # seconds
TRIES = 5  # other programs use this machine as well

REQUESTS = {
    "a query of schemes, 8 kB": ("/accounts/login/?q=" + "a+" * 4000, {}),
    "a query of schemes, 15 kB": ("/accounts/login/?q=" + "a+" * 7600, {}),
    "a query of schemes, 60 kB": ("/accounts/login/?q=" + "a+" * 30_000, {}),
    "a path of schemes": ("/" + "a+" * 4000, {}),
    "a host of schemes, 8 kB": ("/accounts/login/", {"Host": "a+" * 4000}),
    "a host of schemes, 15 kB": ("/accounts/login/", {"Host": "a+" * 7600}),
    "a host of schemes, 500 kB": ("/accounts/login/", {"Host": "a+" * 250_000}),
    "a query of tokens, 15 kB": ("/accounts/login/?q=" + "eyJ" * 5000, {}),
    "a query of tokens, 32 kB": ("/accounts/login/?q=" + "eyJ" * 10_666, {}),
    "a query of passwords": ("/accounts/login/?q=" + "password" * 1900, {}),
    "a user agent of passwords": ("/accounts/login/", {"User-Agent": "password" * 1900}),
    "a referrer of tokens": ("/nowhere/", {"Referer": "eyJ" * 5000}),
}
LONG = 15_000  # bytes; more than 16 kB of headers are refused
STATIC = "/static/js/theme.js"
# What the standard library and Django's dependencies read, each in fragments that its syntax gives a meaning.
HEADERS = {
    "a cookie of backslashes": ("/accounts/login/", {"Cookie": 'a="' + "\\" * LONG + '"'}),
    "a cookie of octal numbers": ("/accounts/login/", {"Cookie": 'a="' + "\\101" * (LONG // 4) + '"'}),
    "a cookie of names": ("/accounts/login/", {"Cookie": "a;" * (LONG // 2)}),
    "a zone of escapes": ("/accounts/login/", {"Cookie": "tz=" + "%41" * (LONG // 3)}),
    "a content type of semicolons": ("/accounts/login/", {"Content-Type": 'a/b; c="' + ";" * LONG}),
    "a content type of parts": ("/accounts/login/", {"Content-Type": "a/b" + "; c*0=d" * (LONG // 7)}),
    "a content type of a probe": ("/healthz", {"Content-Type": 'a/b; c="' + ";" * LONG}),
    "languages": ("/accounts/login/", {"Accept-Language": "en;q=0.1," * (LONG // 9)}),
    "types": ("/nowhere/", {"Accept": '*/*;q="' + ";" * LONG}),
    "encodings": (STATIC, {"Accept-Encoding": "gzip;q=0," * (LONG // 9)}),
    "tags": (STATIC, {"If-None-Match": 'W/"' * (LONG // 3)}),
    "dates": (STATIC, {"If-Modified-Since": "Mon, " * (LONG // 5)}),
    "a date of brackets": (STATIC, {"If-Modified-Since": "(" * LONG}),
    "ranges": (STATIC, {"Range": "bytes=" + "0-1," * (LONG // 4)}),
    "a range of digits": (STATIC, {"Range": "bytes=" + "9" * LONG + "-"}),
    "an authorization of commas": ("/metrics", {"Authorization": "Bearer " + "a=," * (LONG // 3)}),
    "a host of colons": ("/accounts/login/", {"Host": ":" * LONG}),
    "a host of brackets": ("/accounts/login/", {"Host": "[" * LONG}),
    "a referrer of slashes": ("/nowhere/", {"Referer": "http://" + "/" * LONG}),
    "addresses": ("/accounts/login/", {"X-Forwarded-For": "1.1.1.1," * (LONG // 8)}),
    "an address of colons": ("/accounts/login/", {"X-Forwarded-For": ":" * LONG}),
    "an address of htmx": ("/nowhere/", {"HX-Request": "true", "HX-Current-URL": "http://[" + "%5B" * (LONG // 3)}),
}
AT_ONCE = 8
ANSWERED = 0.3  # seconds


@pytest.fixture(scope="module")
def console(embedded):
    assert {ask(embedded, path, {}) for path in ("/accounts/login/", STATIC)} == {200}
    return embedded


def ask(console, path, headers):
    """Return the status of an answer; None where the server closed the connection without one."""
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(ConnectionError, http.client.HTTPException):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    return None


def longest_wait_meanwhile(console, path, headers, at_once=1):
    """Return how long /healthz took at the most while the request was served, so many times at once."""
    longest = 0.0
    with ThreadPoolExecutor(at_once) as askers:
        served = [askers.submit(ask, console, path, headers) for _ in range(at_once)]
        while not all(one.done() for one in served) or not longest:
            longest = max(longest, seconds_for(console, "/healthz", {}, expected={200}))
    return longest


def seconds_for(console, path, headers, expected):
    started = time.monotonic()
    assert ask(console, path, headers) in expected
    return time.monotonic() - started


@pytest.mark.parametrize("name", REQUESTS)
def test_the_console_answers_others_meanwhile(console, name):
    waits = (longest_wait_meanwhile(console, *REQUESTS[name]) for _ in range(TRIES))
    assert any(wait < HEALTHY for wait in waits)


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_takes_longer_than_its_length_explains(console, name):
    answers = {200, 206, 302, 304, 400, 404, 416}
    assert any(seconds_for(console, *HEADERS[name], answers) < ANSWERED for _ in range(TRIES))


@pytest.mark.parametrize("name", HEADERS)
def test_many_hostile_headers_at_once_keep_nobody_waiting(console, name):
    waits = (longest_wait_meanwhile(console, *HEADERS[name], AT_ONCE) for _ in range(TRIES))
    assert any(wait < HEALTHY for wait in waits)
