"""Who reads slowly holds no thread that others wait for. The application is Django's kind; the reader is played."""

import asyncio
import threading

import pytest

from config.front import ClientDisconnected, RequestRefused, thread_pool
from config.front.thread_pool import AT_ONCE, DOWNLOADS, WsgiThreadPool, wsgi_environ

PIECE = b"a" * (AT_ONCE // 4)
SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "headers": [],
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", "8000"),
    "client": ("192.0.2.1", "1234"),
}


class Response:
    """A download of ``pieces`` pieces that notes when it is closed, and in which thread."""

    def __init__(self, pieces, failure=None):
        self.pieces = pieces
        self.failure = failure
        self.closed_in = None

    def __iter__(self):
        yield from [PIECE] * self.pieces
        if self.failure:
            raise self.failure

    def close(self):
        self.closed_in = threading.current_thread().name


class Reader:
    """Reads the first ``reads`` messages, then nothing more; hangs up when told to."""

    def __init__(self, reads=1000):
        self.reads = reads
        self.sent = []
        self.hung_up = asyncio.Event()
        self.stalled = asyncio.Event()

    async def send(self, message):
        if len(self.sent) >= self.reads:
            self.stalled.set()
            await asyncio.Event().wait()
        self.sent.append(message)

    async def receive(self):
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)


def answering(response):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/csv")])
        return response

    return application


async def serve(served, reader, **scope):
    await served.serve({**SCOPE, **scope}, b"", reader.receive, reader.send)


def test_a_short_answer_is_sent_whole_after_its_thread_is_free():
    async def run():
        response, reader = Response(2), Reader()
        await serve(WsgiThreadPool(answering(response), 1), reader)
        assert [message["type"] for message in reader.sent] == ["http.response.start", "http.response.body"]
        assert reader.body == PIECE * 2
        assert response.closed_in.startswith("request")

    asyncio.run(run())


def test_a_download_is_sent_piece_by_piece_and_whole():
    async def run():
        reader = Reader()
        await serve(WsgiThreadPool(answering(Response(23)), 1), reader)
        assert reader.body == PIECE * 23
        assert max(len(message.get("body", b"")) for message in reader.sent) <= AT_ONCE + len(PIECE)

    asyncio.run(run())


@pytest.mark.parametrize("reads", [0, 1, 3])
def test_stalled_readers_of_downloads_keep_no_page_waiting(monkeypatch, reads):
    async def run():
        served = WsgiThreadPool(
            lambda environ, start: answering(Response(len(environ["PATH_INFO"])))(environ, start), 1
        )
        slow = [Reader(reads) for _ in range(3)]
        stalled = [asyncio.ensure_future(serve(served, reader, raw_path=b"/" * 100)) for reader in slow]
        for reader in slow:
            await reader.stalled.wait()
        quick = Reader()
        async with asyncio.timeout(5):
            await serve(served, quick)
        assert quick.body == PIECE
        async with asyncio.timeout(10):
            await asyncio.gather(*stalled, return_exceptions=True)

    monkeypatch.setattr(thread_pool, "READ_SECONDS", 2)
    asyncio.run(run())


def test_a_download_that_nobody_reads_is_given_up_and_closed(monkeypatch):
    async def run():
        response = Response(100)
        with pytest.raises(ClientDisconnected):
            await serve(WsgiThreadPool(answering(response), 1), Reader(reads=2))
        assert response.closed_in.startswith("request")

    monkeypatch.setattr(thread_pool, "READ_SECONDS", 0.1)
    asyncio.run(run())


def test_a_download_ends_when_its_reader_hangs_up():
    async def run():
        response, reader = Response(1000), Reader()
        reader.hung_up.set()
        with pytest.raises(ClientDisconnected):
            await serve(WsgiThreadPool(answering(response), 1), reader)
        assert len(reader.body) < 10 * AT_ONCE
        assert response.closed_in.startswith("request")

    asyncio.run(run())


def test_one_download_too_many_is_refused_before_anything_is_sent(monkeypatch):
    async def run():
        served = WsgiThreadPool(answering(Response(100)), 2)
        slow = [Reader(reads=1) for _ in range(DOWNLOADS)]
        stalled = [asyncio.ensure_future(serve(served, reader)) for reader in slow]
        for reader in slow:
            await reader.stalled.wait()
        late = Reader()
        with pytest.raises(RequestRefused) as refused:
            await serve(served, late)
        assert (refused.value.status, late.sent) == (503, [])
        await asyncio.gather(*stalled, return_exceptions=True)
        await serve(served, late)  # and their places are free again
        assert late.body == PIECE * 100

    monkeypatch.setattr(thread_pool, "READ_SECONDS", 2)
    asyncio.run(run())


@pytest.mark.parametrize(("pieces", "outcome"), [(1, RequestRefused), (100, ClientDisconnected)])
def test_an_answer_that_breaks_off_never_looks_complete(caplog, pieces, outcome):
    async def run():
        reader = Reader()
        with pytest.raises(outcome):
            await serve(WsgiThreadPool(answering(Response(pieces, RuntimeError("broken"))), 1), reader)
        assert [message for message in reader.sent[1:] if not message["more_body"]] == []

    asyncio.run(run())
    assert "answer_failed" in caplog.text


def test_probes_are_answered_while_every_page_is_busy():
    async def run():
        free, busy = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/":
                loop.call_soon_threadsafe(busy.set)
                assert free.wait(10)
            return answering(Response(1))(environ, start_response)

        served = WsgiThreadPool(application, 1)
        page, probe = Reader(), Reader()
        waiting = asyncio.ensure_future(serve(served, page))
        await busy.wait()
        async with asyncio.timeout(5):
            await serve(served, probe, path="/healthz", raw_path=b"/healthz")
        assert (probe.body, page.sent) == (PIECE, [])
        free.set()
        await waiting

    asyncio.run(run())


def test_a_check_that_hangs_silences_nobody_who_asks_whether_we_live(monkeypatch):
    async def run():
        free, hung = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/readyz":
                loop.call_soon_threadsafe(hung.set)
                assert free.wait(10)
            return answering(Response(1))(environ, start_response)

        served = WsgiThreadPool(application, 1)
        first = asyncio.ensure_future(serve(served, Reader(), path="/readyz", raw_path=b"/readyz"))
        await hung.wait()
        others = [serve(served, Reader(), path="/readyz", raw_path=b"/readyz") for _ in range(20)]
        alive = Reader()
        async with asyncio.timeout(5):
            await serve(served, alive, path="/healthz", raw_path=b"/healthz")
            refused = await asyncio.gather(*others, return_exceptions=True)
        assert alive.body == PIECE
        assert [error.status for error in refused] == [503] * 20
        free.set()
        await first

    monkeypatch.setattr(thread_pool, "PROBE_SECONDS", 0.1)
    asyncio.run(run())


def test_what_fails_is_logged_with_address_path_and_request_id(caplog):
    async def run():
        headers = [(b"x-request-id", b"of-the-proxy")]
        with pytest.raises(RequestRefused):
            await serve(WsgiThreadPool(answering(Response(1, RuntimeError("broken"))), 1), Reader(), headers=headers)

    asyncio.run(run())
    (failure,) = [record.msg for record in caplog.records if "answer_failed" in str(record.msg)]
    assert (failure["ip"], failure["request"], failure["request_id"]) == ("192.0.2.1", "GET /", "of-the-proxy")


def test_each_request_has_an_id_of_its_own():
    assert wsgi_environ(SCOPE, b"")["HTTP_X_REQUEST_ID"] != wsgi_environ(SCOPE, b"")["HTTP_X_REQUEST_ID"]


def test_headers_are_told_as_wsgi_has_them():
    twice = [(b"cookie", b"a=b"), (b"cookie", b"c=d"), (b"accept", b"x"), (b"accept", b"y")]
    others = [(b"x_forwarded_for", b"z"), (b"content-type", b"text/x"), (b"content-length", b"9")]
    environ = wsgi_environ({**SCOPE, "headers": [*twice, *others]}, b"abc")
    assert environ["HTTP_COOKIE"] == "a=b; c=d"
    assert environ["HTTP_ACCEPT"] == "x,y"
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/x", "3")


def test_the_path_is_handed_on_byte_by_byte():
    assert wsgi_environ({**SCOPE, "raw_path": b"/%c3%a9%ff+"}, b"")["PATH_INFO"] == "/\xc3\xa9\xff+"
