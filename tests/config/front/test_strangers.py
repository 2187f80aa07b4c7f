"""What anybody can send without an account, on real sockets: it costs little, and nobody else waits for it."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter

import pytest

from config.front.limits import LARGE_BODIES, MAX_BODY_MESSAGES, BodyReader, RequestRefused
from tests.config.front.conftest import BODY_SECONDS
from tests.config.front.sockets import (
    CHUNKED,
    FORM,
    SILENT,
    connect,
    get,
    open_connections,
    read_response,
    seconds_for,
    send_request,
)
from tests.config.front.test_headers import assert_bound
from tests.wait import wait_until

AT_ONCE = 1.0  # seconds
TRIES = 3  # others are at work here too
LARGE = FORM + "Content-Length: 200000\r\n\r\n" + "a" * 70_000


@pytest.mark.parametrize("text", [SILENT, CHUNKED], ids=["silent", "chunked"])
def test_forty_bodies_that_never_end_keep_nobody_waiting(port, text):
    with open_connections(port, 40, text):
        for path in ("/healthz", "/accounts/login/"):
            assert any(seconds_for(port, path) < AT_ONCE for _ in range(TRIES))


def test_a_body_that_does_not_come_is_answered_with_408(port):
    begun = time.monotonic()
    with (
        open_connections(port, 1, SILENT) as silent,
        open_connections(port, 1, CHUNKED) as chunked,
    ):  # they wait together
        for stranger in (*silent, *chunked):
            status, _, body = read_response(stranger, "POST")
            assert status == 408
            assert f"longer than {BODY_SECONDS} seconds" in body.decode()
            assert BODY_SECONDS <= time.monotonic() - begun < BODY_SECONDS + 2


def test_a_body_that_drips_gets_no_more_time(port):
    begun = time.monotonic()
    with connect(port, SILENT) as stranger:
        stranger.settimeout(0.2)
        for _ in range(100):
            with contextlib.suppress(TimeoutError):
                assert read_response(stranger)[0] == 408
                break
            stranger.sendall(b"a")
    assert time.monotonic() - begun < BODY_SECONDS + 2


def test_chunks_without_end_are_cut_at_the_size_limit(port):
    with connect(port, FORM + "Transfer-Encoding: chunked\r\n\r\n") as stranger:
        for _ in range(17):
            stranger.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        status, _, body = read_response(stranger)
    assert status == 413
    assert "The limit is 1024 KiB" in body.decode()


def test_a_body_in_crumbs_is_cut_off(port):
    begun = time.monotonic()
    text = FORM + "Transfer-Encoding: chunked\r\n\r\n" + "1\r\na\r\n" * (MAX_BODY_MESSAGES + 1)
    with connect(port, text) as stranger:
        status, _, body = read_response(stranger)
    # Each piece is passed from thread to thread: on a busy machine, the limit of time may come first.
    assert (status, "too many small pieces" in body.decode()) in {(400, True), (408, False)}
    assert time.monotonic() - begun < BODY_SECONDS + 2


@pytest.mark.parametrize(("pieces", "is_whole"), [(MAX_BODY_MESSAGES, True), (MAX_BODY_MESSAGES + 1, False)])
def test_a_body_may_come_in_so_many_pieces_and_no_more(pieces, is_whole):
    rest = iter(range(pieces - 1, -1, -1))

    async def receive():
        return {"type": "http.request", "body": b"a", "more_body": next(rest) > 0}

    async def read():
        async with BodyReader(2 * MAX_BODY_MESSAGES, 60).body_of({"headers": []}, receive) as body:
            return body

    if is_whole:
        assert asyncio.run(read()) == b"a" * pieces
    else:
        with pytest.raises(RequestRefused, match="too many small pieces") as refused:
            asyncio.run(read())
        assert refused.value.status == 400


def test_a_body_in_some_thousand_chunks_arrives(port):
    chunks = "100\r\n" + ("a" * 256 + "\r\n100\r\n") * (MAX_BODY_MESSAGES - 10)
    text = FORM + "Transfer-Encoding: chunked\r\n\r\n" + chunks
    assert any(send_request(port, text + "a" * 256 + "\r\n0\r\n\r\n")[0] == 403 for _ in range(TRIES))


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(port):
    begun = time.monotonic()
    assert send_request(port, FORM + "Content-Length: 1048577\r\n\r\n")[0] == 413
    assert time.monotonic() - begun < BODY_SECONDS


@pytest.mark.parametrize("size", [1_048_577, 6_000_000])
def test_who_sends_too_much_hears_why_it_was_refused(port, size):
    status, _, body = send_request(port, FORM + f"Content-Length: {size}\r\n\r\n" + "a" * size)
    assert status == 413
    assert "The limit is 1024 KiB" in body.decode()


def test_a_flood_is_cut_off(port):
    with connect(port, FORM + "Content-Length: 99000000\r\n\r\n") as stranger, pytest.raises(ConnectionError):
        stranger.sendall(b"a" * 99_000_000)


def test_a_body_of_the_largest_size_arrives(port):
    assert send_request(port, FORM + "Content-Length: 1048576\r\n\r\n" + "a" * 1_048_576)[0] == 403


def test_large_bodies_share_a_bounded_memory_and_small_ones_go_on(port, request):
    with open_connections(port, 3 * LARGE_BODIES, LARGE) as sent:
        assert send_request(port, FORM + "Content-Length: 3\r\n\r\na=b")[0] == 403
        answers = [read_response(stranger) for stranger in sent]
    statuses = Counter(status for status, _, _ in answers)
    processes = 1 if "embedded" in request.node.name else 2
    assert set(statuses) == {408, 503}
    assert LARGE_BODIES <= statuses[408] <= processes * LARGE_BODIES
    assert {headers["Retry-After"] for status, headers, _ in answers if status == 503} == {"30"}
    for _, headers, _ in answers:
        assert_bound(headers)


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/?q=" + "a+" * 4000, "A: b", 302),
        ("/?q=" + "a+" * 8192, "A: b", 414),
        ("/" + "a" * 16384, "A: b", 414),
        ("/", "A: " + "a" * 15_000, 302),
        ("/", "A: " + "a" * 16384, 431),
        ("/", "Cookie: " + "a=b; " * 3300, 431),
        ("/", "A: " + "a" * 300_000, 431),
        ("/", "\r\n".join(f"A{n}: {'a' * 200}" for n in range(90)), 431),
    ],
)
def test_the_request_line_and_the_headers_have_a_limit(port, path, header, status):
    assert get(port, path, header)[0] == status


def test_what_is_refused_is_not_logged_or_looked_at(embedded):
    get(embedded.port, "/refused-" + "a" * 16384, "Host: unknown.test")
    get(embedded.port, "/accepted/")
    wait_until(lambda: "accepted" in embedded.text)
    assert "refused-" not in embedded.text


@pytest.mark.parametrize("target", ["/%ff%00", "*", "/x/%2e%2e/", "//evil.test/", "/accounts/login/%c3%a9"])
def test_odd_targets_get_an_answer(port, target):
    assert get(port, target)[0] in {301, 302, 400, 404}


def test_a_header_with_an_underscore_is_not_taken_for_another_one(port):
    assert get(port, "/healthz", "Content_Length: 100")[0] == 200
    assert get(port, "/accounts/login/", "X_Forwarded_For: 1.2.3.4", "Ho_st: evil.test")[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_who_asks_by_address_is_answered(port, path):
    text = f"GET {path} HTTP/1.1\r\nHost: 10.1.2.3:8000\r\nConnection: close\r\n\r\n"
    assert send_request(port, text)[0] == 200


def test_a_page_for_another_host_is_still_refused(port):
    assert send_request(port, "GET / HTTP/1.1\r\nHost: 10.1.2.3\r\nConnection: close\r\n\r\n")[0] == 400


def test_one_connection_serves_many_requests(port):
    request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(port, request) as friend:
        for _ in itertools.repeat(None, 3):
            assert read_response(friend)[0] == 200
            friend.sendall(request.encode())
