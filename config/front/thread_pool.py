"""Runs Django in threads that slow clients do not occupy, whether they send or read slowly."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

import structlog
from django.http import HttpRequest

from config.front import ClientDisconnected, Message, Receive, RequestRefused, Scope, Send
from config.front.limits import page_headers, probe_headers
from core.net.client_ip import client_ip

Environ = dict[str, Any]
WsgiApplication = Callable[[dict[str, object], Callable[..., Any]], Iterable[bytes]]

AT_ONCE = 256 * 1024  # bytes of a response that are buffered for a slow reader; a longer response is a download
DOWNLOADS = 16  # at once, each in its own thread
PROBE_PATHS = ("/healthz", "/readyz", "/metrics")
PROBE_SECONDS = 1.0  # maximum wait of a probe while the same one is answered for someone else
READ_SECONDS = 30.0  # maximum time for a reader to take the next piece of a download
log = structlog.get_logger(__name__)


class WsgiThreadPool:
    """Runs a WSGI application with ``pages`` requests at once."""

    def __init__(self, application: WsgiApplication, pages: int) -> None:
        self._application = application
        self._pages = asyncio.Semaphore(pages)
        self._downloads = asyncio.Semaphore(DOWNLOADS)
        self._pool = ThreadPoolExecutor(pages + DOWNLOADS, thread_name_prefix="request")
        # Each probe has its own thread, so that neither busy pages nor a database that hangs look like a dead process.
        self._probes = {path: asyncio.Semaphore(1) for path in PROBE_PATHS}
        self._probe_pools = {path: ThreadPoolExecutor(1, thread_name_prefix="probe") for path in PROBE_PATHS}

    async def serve(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises RequestRefused before anything is sent, ClientDisconnected if nobody reads the response.
        """
        probe = scope["path"] if scope["path"] in PROBE_PATHS else ""
        headers = probe_headers(scope) if probe else page_headers(scope, body)
        environ = wsgi_environ({**scope, "headers": headers}, body)
        async with AsyncExitStack() as slot:
            await self._enter(slot, probe)
            answer = WsgiResponse(receive, send, partial(self._move_to_downloads, slot))
            await self._run(answer, environ, self._probe_pools.get(probe, self._pool))
        await answer.finish()

    async def _enter(self, slot: AsyncExitStack, probe: str) -> None:
        if not probe:
            await slot.enter_async_context(self._pages)
            return
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await slot.enter_async_context(self._probes[probe])
        except TimeoutError:
            raise RequestRefused(503, "The checks that were begun before have not come back yet.") from None

    async def _run(self, answer: "WsgiResponse", environ: dict[str, object], pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(pool, answer.run, self._application, environ, loop)
        except (RequestRefused, ClientDisconnected):
            raise
        except Exception:
            # Django handles errors in views, so this is a download that broke off.
            log.exception("answer_failed", **_log_context(environ))
            raise (
                ClientDisconnected if answer.is_begun else RequestRefused(500, "Something broke in the console.")
            ) from None

    async def _move_to_downloads(self, slot: AsyncExitStack) -> None:
        """Let the next page begin: this response is a download, which may take long."""
        if self._downloads.locked():
            raise RequestRefused(503, "Too many downloads run at the moment. Please try again in a minute.")
        await slot.aclose()
        await slot.enter_async_context(self._downloads)


class WsgiResponse:
    """The application's response: buffered until it is complete, or sent in pieces if it is long."""

    def __init__(self, receive: Receive, send: Send, move_to_downloads: Callable[[], Awaitable[None]]) -> None:
        self._receive = receive
        self._send = send
        self._move_to_downloads = move_to_downloads
        self._head: Message = {}
        self._pieces: list[bytes] = []
        self._size = 0
        self._hung_up: asyncio.Future[Message] | None = None

    def run(self, application: WsgiApplication, environ: Environ, loop: asyncio.AbstractEventLoop) -> None:
        """Call the application in this thread, which also waits for readers of a download."""
        response = application(environ, self._start)
        try:
            for piece in response:
                self._pieces.append(piece)
                self._size += len(piece)
                if self._size > AT_ONCE:
                    asyncio.run_coroutine_threadsafe(self._send_some(), loop).result()
        finally:
            response.close()  # type: ignore[attr-defined]  # Django's have it: signals and connections end with it

    def _start(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        encoded = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
        self._head = {"type": "http.response.start", "status": int(status[:3]), "headers": encoded}

    @property
    def is_begun(self) -> bool:
        """Return whether it is a download that has been partly sent."""
        return self._hung_up is not None

    async def _send_some(self) -> None:
        """Send the buffered part of a download and return when the client has taken it."""
        first = not self.is_begun
        if first:
            await self._move_to_downloads()
            # The body has been read, so the next message is a disconnect.
            self._hung_up = asyncio.ensure_future(self._receive())
        try:
            async with asyncio.timeout(READ_SECONDS):
                if first:
                    await self._send(self._head)
                await self._send(self._next(more=True))
        except TimeoutError:
            raise ClientDisconnected from None
        if self._hung_up and self._hung_up.done():
            raise ClientDisconnected

    async def finish(self) -> None:
        """Send the rest."""
        if not self.is_begun:
            await self._send(self._head)
        await self._send(self._next(more=False))

    def _next(self, *, more: bool) -> Message:
        body = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return {"type": "http.response.body", "body": body, "more_body": more}


def wsgi_environ(scope: Scope, body: bytes) -> Environ:
    """Return the WSGI environ (PEP 3333) of the request."""
    return {
        "HTTP_X_REQUEST_ID": str(uuid4()),  # Django's lines and ours show the same id; a proxy's wins
        **_headers(scope["headers"]),
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _log_context(environ: Environ) -> dict[str, str]:
    """Return the values that identify a request in the log, under the same keys as in request lines."""
    request = HttpRequest()
    request.META = environ
    return {
        "ip": client_ip(request) or "unknown",
        "request": f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}",
        "request_id": environ["HTTP_X_REQUEST_ID"],
    }


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        if b"_" in raw_name:  # it would become the one with "-", bypassing a proxy that filters only that
            continue
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        name = name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"
        separator = "; " if name == "HTTP_COOKIE" else ","
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers
